"""Tries e-mail for real, for `pointman check --live`: connection, encryption, sign-in, folder, token. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from connectors.base import Wanted
from connectors.email.addresses import plausible
from connectors.email.settings import EmailSettings
from connectors.errors import ConnectorError
from connectors.problems import Problem, Where

SHORTEST = 16
"""Characters of a secret that cannot be guessed."""


def problems(
    name: str, settings: EmailSettings, tries: Iterable[Callable[[], None]], wanted: Wanted
) -> Iterable[Problem]:
    """Everything that is wrong with the settings, the connections (`tries` raise), or the addresses of `wanted`."""
    return tuple(replace(found, rule=f"connectors.{name}") for found in _problems(name, settings, tries, wanted))


def _problems(
    name: str, settings: EmailSettings, tries: Iterable[Callable[[], None]], wanted: Wanted
) -> Iterator[Problem]:
    yield from _settings(settings)
    for attempt in tries:
        try:
            attempt()
        except ConnectorError as error:
            yield _problem(str(error))
    for address in dict.fromkeys((*wanted.addresses, *wanted.people, *([wanted.home] if wanted.home else ()))):
        if not plausible(address):
            yield _problem(f"{name}:{address} is no e-mail address", "write it as name@example.org")


def _settings(settings: EmailSettings) -> Iterator[Problem]:
    """What will not work, or not well, whatever the servers say."""
    if len(settings.secret.get_secret_value()) < SHORTEST:
        yield _problem(
            f"the secret has less than {SHORTEST} characters", "make a long one, as by: openssl rand -hex 32"
        )
    if not settings.public_url:
        yield _problem("mails have no links to act by", "set public_url", warning=True)
    elif not settings.public_url.startswith("https://"):
        yield _problem("links in mails are not encrypted", "give public_url with https://", warning=True)
    if not settings.replies:
        hint = "set graph.folder" if settings.graph is not None else "add the table imap"
        yield _problem("replies to mails are not read", hint, warning=True)
    elif not settings.trust:
        hint = "name your mail server's authserv-id with trust; until then a reply can only comment"
        yield _problem("nobody verifies from whom replies are", hint, warning=True)


def _problem(message: str, hint: str = "", *, warning: bool = False) -> Problem:
    return Problem(Where(), message, "", hint, "warning" if warning else "error")
