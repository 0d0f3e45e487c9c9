"""What `pointman init` sets up: which kinds of connectors there are, which of them are meant, and each one's setup."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from connectors import registry
from connectors.base import Connector, Tracker
from connectors.problems import nearest
from connectors.setup import Found, Setup, listed
from sync.cli import wishes
from sync.cli.asking import Conversation
from sync.cli.wishes import Kinds, Wish


@dataclass(frozen=True, slots=True)
class Product:
    """One product that was asked about: its setup, what was answered and found, and who we are there."""

    name: str
    kind: type[Connector]
    setup: Setup
    answers: Mapping[str, str]
    found: Found
    said: tuple[str, ...]


def kinds() -> dict[str, type[Connector]]:
    """Every kind of connector that offers a setup, trackers first."""
    every = {name: registry.load(name) for name in sorted(registry.available())}
    offering = {name: kind for name, kind in every.items() if kind.setup(name, {}) is not None}
    return dict(sorted(offering.items(), key=lambda item: not issubclass(item[1], Tracker)))


def chosen(wish: Wish, kinds: Kinds, talk: Conversation) -> list[str]:
    """The kinds to set up, the tracker first. Whoever says neither means the usual ones; who says one is asked.

    An option of a connector says as well that it is meant.
    """
    trackers, messengers = wishes.by_role(kinds)
    asked = talk.person and bool(wish.tracker) != bool(wish.messengers)
    tracker = wish.tracker or next((name for name in trackers if name in wish.flags), "")
    told = wish.messengers or tuple(name for name in messengers if name in wish.flags)
    while asked and not tracker:
        said = talk.ask(f"Where do tickets live? {' or '.join(trackers)}", wishes.USUAL[0])
        tracker = said if said in trackers else _unknown(talk, said, trackers)
    while asked and not told:
        several = listed(talk.ask(f"Where are people told? Of {', '.join(messengers)}", wishes.USUAL[1]))
        wrong = [_unknown(talk, one, messengers) for one in several if one not in messengers]
        told = () if wrong else several
    return [tracker or wishes.USUAL[0], *(told or wishes.USUAL[1:])]


def _unknown(talk: Conversation, said: str, known: Sequence[str]) -> str:
    talk.remark(f"there is no {said} to set up; {nearest(said, known) or ', '.join(known)}")
    return ""


def secrets(products: Sequence[Product]) -> dict[str, str]:
    """The secrets that were answered, by their variables."""
    return {q.env: p.answers[q.name] for p in products for q in p.setup.questions if q.secret and q.name in p.answers}


def setup_of(kind: type[Connector], name: str, tables: Mapping[str, Any]) -> Setup:
    """The setup of this kind, with what is known already of the table that it will be."""
    empty = kind.setup(name, {})
    assert empty is not None  # noqa: S101  (only those that offer one are here)
    given = tables.get(empty.name)
    return kind.setup(name, given) or empty if isinstance(given, dict) else empty


def again(wish: Wish) -> str:
    """The command that makes the home ticket, once that is possible."""
    chosen = ["--tracker", wish.tracker] if wish.tracker else []
    chosen += ["--with", ",".join(wish.messengers)] if wish.messengers else []
    return shlex.join(["pointman", "init", *chosen, "--force"])


def no_zone(zone: str) -> str:
    """That this is no time zone, and what it may have been."""
    return f"there is no time zone {zone}; {nearest(zone, available_timezones()) or 'such as Europe/Berlin'}"


def machine_zone() -> str:
    """The time zone that this machine is set to; UTC where it does not say a known one."""
    said = os.environ.get("TZ", "").removeprefix(":")
    local = Path("/etc/localtime")
    linked = str(local.resolve()).partition("zoneinfo/")[2] if local.is_symlink() else ""
    return next((zone for zone in (said, linked) if zone in available_timezones()), "UTC")
