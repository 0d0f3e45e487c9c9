"""What the command line of `pointman init` says: our own options, and one for each question of each connector.

The options follow from the connectors, so they are read with argparse; Typer wants them written down beforehand. A
secret has none: it would stand in the shell's history.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.base import Connector, Tracker
from connectors.problems import nearest
from connectors.setup import listed
from sync.cli import console

Kinds = Mapping[str, type[Connector]]
USUAL = ("jira", "slack")
"""The tracker and the messenger of whoever says nothing of either."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says. `flags` are answers by connector and question.

    `tracker` and `messengers` are kinds of connectors; empty where nothing was said.
    """

    folder: Path
    flags: Mapping[str, Mapping[str, str]]
    people: tuple[str, ...] = ()
    timezone: str = ""
    home: str = ""
    tracker: str = ""
    messengers: tuple[str, ...] = ()
    yes: bool = False
    force: bool = False
    secrets: bool = True
    style: str = "text"


def read(args: Sequence[str], kinds: Kinds) -> Wish:
    """What is wished. Raises SystemExit after help, and where something wrong was said."""
    variables = _secret_flags(kinds)
    hidden = sorted(variables.keys() & {arg.partition("=")[0] for arg in args})
    if hidden:
        said = ", ".join(variables[flag] for flag in hidden)
        console.complain(f"secrets are no options: they would stand in the shell's history; set {said}")
        raise SystemExit(2)
    parser = _parser(kinds)
    wish = _wish(vars(parser.parse_args(list(args))))
    for name in wish.messengers:
        if name not in (known := by_role(kinds)[1]):
            parser.error(f"--with: {name} tells nobody; {nearest(name, known) or ', '.join(known)}")
    for name, answers in wish.flags.items():
        tracks = issubclass(kinds[name], Tracker)
        chosen = tuple(filter(None, (wish.tracker,))) if tracks else wish.messengers
        if chosen and name not in chosen:
            flag = f"--{name}-{next(iter(answers)).replace('_', '-')}"
            parser.error(f"{flag}: {name} is not set up here; say {'--tracker' if tracks else '--with'} {name}")
    return wish


def options(kinds: Kinds) -> tuple[argparse.Action, ...]:
    """Every option there is, for completion."""
    return tuple(_parser(kinds)._actions)


def by_role(kinds: Kinds) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the trackers, and of the messengers."""
    trackers = tuple(name for name, kind in kinds.items() if issubclass(kind, Tracker))
    return trackers, tuple(name for name in kinds if name not in trackers)


def _secret_flags(kinds: Kinds) -> dict[str, str]:
    """What somebody might try to say a secret by, each with the variable that takes it."""
    setups = {name: kind.setup(name, {}) for name, kind in kinds.items()}
    return {
        f"--{name}-{question.name.replace('_', '-')}": question.env
        for name, setup in setups.items()
        for question in (setup.questions if setup else ())
        if question.secret
    }


def _parser(kinds: Kinds) -> argparse.ArgumentParser:
    """The options: our own, and one for each question of each connector that is no secret."""
    parser = argparse.ArgumentParser(
        prog="pointman init",
        description="Set Pointman up in a folder: asks what it must know, or takes it as options, and writes "
        "config.toml, first rules, .env and a home ticket. It only watches at first, and changes nothing else.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", nargs="?", default=Path(), type=Path, metavar="FOLDER", help="Where to. [here]")
    secrets = []
    for name, kind in kinds.items():
        setup = kind.setup(name, {})
        for question in setup.questions if setup else ():
            if question.secret:
                secrets += [f"{question.env} ({question.asks})"] if not question.made else []
                continue
            said = f"{question.asks} {question.hint}".strip()
            more = "; again for more" if question.several else ""
            parser.add_argument(
                f"--{name}-{question.name.replace('_', '-')}",
                dest=f"{name}:{question.name}",
                action="append",
                default=[],
                metavar="TEXT",
                help=f"{said}{more} [or {question.env}]",
            )
    trackers, messengers = by_role(kinds)
    own: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("--tracker", {"choices": trackers, "default": ""}, f"Where tickets live. [{USUAL[0]}]"),
        (
            "--with",
            {"action": "append", "default": [], "metavar": "NAMES", "dest": "messengers"},
            f"Where people are told, the one first that administrators read: of {', '.join(messengers)}. [{USUAL[1]}]",
        ),
        ("--person", {"action": "append", "default": [], "metavar": "EMAIL"}, "Who takes incidents; again for more."),
        ("--timezone", {"default": "", "metavar": "ZONE"}, "Of rules and texts. [this machine's]"),
        ("--home", {"default": "", "metavar": "KEY"}, "The home ticket, instead of one made for it."),
        ("--yes", {"action": "store_true"}, "Never ask; take what is offered."),
        ("--force", {"action": "store_true"}, "Write over files that are there."),
        ("--no-env", {"action": "store_true"}, "Write no .env; only name the variables."),
        ("--format", {"choices": ("text", "json"), "default": "text"}, "For people, or for programs."),
    )
    for flag, how, what in own:
        parser.add_argument(flag, help=what, **how)
    parser.epilog = f"Secrets are asked for without being shown, or come from the environment: {', '.join(secrets)}."
    return parser


def _wish(said: Mapping[str, Any]) -> Wish:
    flags: dict[str, dict[str, str]] = {}
    for option, values in said.items():
        name, colon, question = option.partition(":")
        if colon and values:
            flags.setdefault(name, {})[question] = ",".join(values)
    return Wish(
        folder=said["folder"],
        flags=flags,
        people=tuple(dict.fromkeys(one for many in said["person"] for one in listed(many))),
        timezone=said["timezone"],
        home=said["home"],
        tracker=said["tracker"],
        messengers=tuple(dict.fromkeys(one for many in said["messengers"] for one in listed(many))),
        yes=said["yes"],
        force=said["force"],
        secrets=not said["no_env"],
        style=said["format"],
    )
