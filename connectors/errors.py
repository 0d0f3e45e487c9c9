"""What a product can answer instead of yes, as four classes that say what to do about it.

    ConnectorError
    ├── Temporary      429, 5xx, time-outs: it may work later          (the product's)
    ├── Denied         401, 403: credentials or rights                 (the product's)
    ├── Missing        404, 410: no such ticket, channel, card         (the effect's)
    └── Refused        400, 409, 413, 422: the product said why        (the effect's)

The class decides who is concerned: the first two stop the product for everybody, the last two stand for one effect.
A message is one sentence: what we tried, on what, what came back, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping


class ConnectorError(Exception):
    """A call to a product that did not do what was asked; `str()` is a sentence for people, free of secrets."""


class Temporary(ConnectorError):
    """It may work later.

    `retry_after` is in seconds, as the product asked (None where it did not say). `in_doubt` says that the call
    may have been carried out all the same (time-out, 5xx, a connection lost after sending): its claim stays open.
    `alone` says that it concerns this place only (a mail server that wants to be asked again for a recipient whom it
    does not know yet): all others are told meanwhile.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, in_doubt: bool = True, alone: bool = False
    ) -> None:
        super().__init__(message)
        self.alone = alone
        self.retry_after = retry_after
        self.in_doubt = in_doubt


class Denied(ConnectorError):
    """The credentials or their rights do not suffice; nothing was done."""


class Missing(ConnectorError):
    """The ticket, channel, message or card is not there (any more); nothing was done."""


class Refused(ConnectorError):
    """The product said why it will not; nothing was done.

    `fields` names the words of an `Edit` that were refused, each with the product's reason, where it told them apart.
    """

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: Mapping[str, str] = dict(fields or {})
