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

from connectors.base import Connector
from connectors.setup import listed
from sync.cli import console

Kinds = Mapping[str, type[Connector]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says. `flags` are answers by connector and question."""

    folder: Path
    flags: Mapping[str, Mapping[str, str]]
    people: tuple[str, ...] = ()
    timezone: str = ""
    home: str = ""
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
    return _wish(vars(_parser(kinds).parse_args(list(args))))


def options(kinds: Kinds) -> tuple[argparse.Action, ...]:
    """Every option there is, for completion."""
    return tuple(_parser(kinds)._actions)


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
                secrets.append(f"{question.env} ({question.asks})")
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
    own: tuple[tuple[str, dict[str, Any], str], ...] = (
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
        yes=said["yes"],
        force=said["force"],
        secrets=not said["no_env"],
        style=said["format"],
    )
