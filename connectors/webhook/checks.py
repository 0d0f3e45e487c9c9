"""Tries a receiver for real, for `pointman check --live`, and rings nobody.

PagerDuty, Opsgenie and Jira Service Management are told that a call is over which never was: they take that with
success and do nothing, if the key is right. Twilio is asked about its account. Of a gateway of your own it can only be
known that it answers (HEAD): whatever else is sent to it might ring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connectors.base import Wanted
from connectors.errors import ConnectorError, Denied, Temporary
from connectors.problems import Problem, Where

if TYPE_CHECKING:
    from connectors.webhook.messenger import Webhook
    from connectors.webhook.settings import WebhookSettings

NEVER: Final = "pointman-check"
"""The id of a call that never was."""
SHORTEST: Final = 24
"""Bytes of a secret that signs, as Standard Webhooks asks for."""
_WAY_BACK: Final[Mapping[str, tuple[str, ...]]] = {
    "webhook_secret": ("pagerduty", "opsgenie", "jsm"),
    "api_token": ("pagerduty",),
    "public_url": ("twilio", "twilio_sms"),
    "press": ("twilio",),
}
"""Settings of the way back, and whose they are: elsewhere they are believed in, and nothing comes back."""
_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")


def problems(hook: Webhook, wanted: Wanted) -> Iterator[Problem]:
    """Everything that is wrong with the settings, the addresses or the connection."""
    settings, table = hook.settings, f"connectors.{hook.name}"
    yield from (replace(one, rule=table) for one in _doubts(settings))
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


def _doubts(settings: WebhookSettings) -> Iterator[Problem]:
    """Secrets that can be guessed, and settings of the way back by which nothing comes back."""
    for setting in ("secret", "webhook_secret"):
        secret = getattr(settings, setting)
        if secret is not None and 0 < len(secret.get_secret_value()) < SHORTEST:
            said = f"the {setting} is shorter than {SHORTEST} characters: it can be guessed"
            yield Problem(Where(), said, hint="make one with `openssl rand -base64 32`", level="warning")
    for setting, recipes in _WAY_BACK.items():
        if setting in settings.model_fields_set and getattr(settings, setting) and settings.recipe not in recipes:
            said = f"{setting} says nothing to the recipe {settings.recipe}; it is for {' and '.join(recipes)}"
            yield Problem(Where(), said, level="warning")
    if settings.webhook_secret is not None and settings.recipe == "pagerduty" and settings.api_token is None:
        said = "incidents of services that create alerts do not say which call they are of"
        yield Problem(Where(), said, hint="set api_token, to look it up", level="warning")


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
