"""What a shell completes after `pointman init`: the options that connectors bring, which nobody wrote down beforehand.

They are read from the connectors when somebody presses the tab key there, and not before: no other command pays.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from argparse import Action


def options() -> list[Any]:
    """The options of `pointman init`, as the parameters of a command."""
    from sync.cli import choosing, wishes

    shown = {action.dest: action for action in wishes.options(choosing.kinds()) if action.option_strings}

    def asked(**_: object) -> None:
        """Never called: it only lends its parameters."""

    parameters = [
        inspect.Parameter(f"p{number}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(action))
        for number, action in enumerate(shown.values())
    ]
    asked.__annotations__ = {each.name: each.annotation for each in parameters}
    asked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # every function may have one
    app = typer.Typer(add_completion=False)
    app.command(add_help_option=False)(asked)
    return list(typer.main.get_command(app).params)


def _annotation(action: Action) -> Any:
    kind: Any = bool if action.nargs == 0 else Literal[tuple(action.choices)] if action.choices else list[str]
    named = action.option_strings[-1]
    offers = {"--timezone": _zones, "--with": _messengers}.get(named)
    return Annotated[kind, typer.Option(named, help=(action.help or "").replace("%%", "%"), autocompletion=offers)]


def _messengers(incomplete: str) -> Iterator[str]:
    from sync.cli import choosing, wishes

    before, comma, begun = incomplete.rpartition(",")
    _, known = wishes.by_role(choosing.kinds())
    yield from (f"{before}{comma}{name}" for name in known if name.startswith(begun) and name not in before.split(","))


def _zones(incomplete: str) -> Iterator[str]:
    from zoneinfo import available_timezones

    yield from sorted(zone for zone in available_timezones() if zone.startswith(incomplete))
