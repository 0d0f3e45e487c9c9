"""Tries e-mail for real, for `pointman check --live`: connection, encryption, sign-in, folder, token. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from connectors.base import Wanted
from connectors.email.addresses import plausible
from connectors.email.settings import EmailSettings
from connectors.errors import ConnectorError
from connectors.problems import Problem, Where


def problems(
    name: str, settings: EmailSettings, tries: Iterable[Callable[[], None]], wanted: Wanted
) -> Iterable[Problem]:
    """Everything that is wrong with the settings, the connections (`tries` raise), or the addresses of `wanted`."""
    return tuple(_problems(name, settings, tries, wanted))


def _problems(
    name: str, settings: EmailSettings, tries: Iterable[Callable[[], None]], wanted: Wanted
) -> Iterator[Problem]:
    def problem(message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return Problem(Where(), message, f"connectors.{name}", hint, "warning" if warning else "error")

    if not settings.public_url:
        yield problem("mails have no links to act by", "set public_url", warning=True)
    elif not settings.public_url.startswith("https://"):
        yield problem("links in mails are not encrypted", "give public_url with https://", warning=True)
    if not settings.replies:
        hint = "set graph.folder" if settings.graph is not None else "add the table imap"
        yield problem("replies to mails are not read", hint, warning=True)
    elif not settings.trust:
        hint = "name your mail server's authserv-id with trust; until then a reply can only comment"
        yield problem("nobody verifies from whom replies are", hint, warning=True)
    for attempt in tries:
        try:
            attempt()
        except ConnectorError as error:
            yield problem(str(error))
    for address in dict.fromkeys((*wanted.addresses, *wanted.people, *([wanted.home] if wanted.home else ()))):
        if not plausible(address):
            yield problem(f"{name}:{address} is no e-mail address", "write it as name@example.org")
