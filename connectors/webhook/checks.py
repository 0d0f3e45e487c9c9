"""Tries a receiver for real, for `pointman check --live`, and rings nobody.

PagerDuty, Opsgenie and Jira Service Management are told that a call is over which never was: they take that with
success and do nothing, if the key is right. Twilio is asked about its account. Of a gateway of your own it can only be
known that it answers (HEAD): whatever else is sent to it might ring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from connectors.base import Wanted
from connectors.errors import ConnectorError, Denied, Temporary
from connectors.problems import Problem, Where

if TYPE_CHECKING:
    from connectors.webhook.messenger import Webhook

NEVER: Final = "pointman-check"
"""The id of a call that never was."""
SHORTEST: Final = 24
"""Bytes of a secret that signs, as Standard Webhooks asks for."""
_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")


def problems(hook: Webhook, wanted: Wanted) -> Iterator[Problem]:
    """Everything that is wrong with the settings, the addresses or the connection."""
    settings, table = hook.settings, f"connectors.{hook.name}"
    secret = settings.secret.get_secret_value() if settings.secret is not None else ""
    if secret and len(secret) < SHORTEST:
        said = f"the secret is shorter than {SHORTEST} characters: it can be guessed"
        yield Problem(Where(), said, table, "make one with `openssl rand -base64 32`", "warning")
    back = settings.webhook_secret.get_secret_value() if settings.webhook_secret is not None else ""
    if back and len(back) < SHORTEST:
        said = f"the webhook_secret is shorter than {SHORTEST} characters: it can be guessed"
        yield Problem(Where(), said, table, "make one with `openssl rand -base64 32`", "warning")
    if back and settings.recipe == "pagerduty" and settings.api_token is None:
        said = "incidents of services that create alerts do not say which call they are of"
        yield Problem(Where(), said, table, "set api_token, to look it up", "warning")
    try:
        hook.directory()
    except ConnectorError as error:
        yield Problem(Where(), str(error), table, "api_token is a read-only REST API key, of the account's own")
    tried: set[str] = set()
    places = tuple(dict.fromkeys((*wanted.addresses, *wanted.people)))
    for place in places:
        if not hook.known(place):
            yield Problem(Where(), f"nothing is configured for {hook.name}:{place}", table, hook.hint(place))
            continue
        if hook.recipe.authorization == "basic" and not _NUMBER.fullmatch(place.strip()):
            hint = "write it as +4915112345678: plus, country, number"
            yield Problem(Where(), f"{hook.name}:{place} is no telephone number", table, hint)
            continue
        way = hook.way(place)
        if way not in tried:
            tried.add(way)
            yield from _tried(hook, place)
    if not places:
        yield Problem(Where(), "no rule, place or person calls by it", table, level="warning")


def _tried(hook: Webhook, place: str) -> Iterator[Problem]:
    tried = f"could not try {hook.name}:{place}"
    try:
        if hook.recipe.done is not None and hook.recipe.authorization != "basic":
            hook.end(place, NEVER, tried)
        elif hook.recipe.authorization == "basic":
            hook.knock("GET", place, tried)
        else:
            _answers(hook, place, tried)
    except ConnectorError as error:
        yield Problem(Where(), str(error), f"connectors.{hook.name}")


def _answers(hook: Webhook, place: str, tried: str) -> None:
    """Whether anything answers there; what it says to a HEAD means nothing, but for trouble and closed doors."""
    try:
        hook.knock("HEAD", place, tried)
    except (Temporary, Denied):
        raise
    except ConnectorError:
        return
