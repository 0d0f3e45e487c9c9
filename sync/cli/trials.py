"""The commands that play tickets in virtual time: tests beside the rules, disasters, and past tickets once more."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.opening import DEFAULT, USAGE, ConfigFile, Style, asking, no_file, opened, parts_of, stop


def run_tests(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", help="Files and folders to take tests from; else the configuration's rules."),
    ] = None,
    config: ConfigFile = DEFAULT,
    *,
    pick: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only tests whose name holds this.")] = "",
    every: Annotated[bool, typer.Option("--verbose", "-v", help="Name the tests that passed, too.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A rule that no test touched is a problem.")] = False,
    style: Annotated[
        Literal["text", "json", "junit"], typer.Option("--format", help="For people, programs, or build servers.")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write that to a file, and text to the screen."),
    ] = None,
) -> None:
    """Run the tests that stand beside the rules. Needs no connector, no secret and no network."""
    from sync.cli import testing

    asked = testing.Asked(tuple(files or ()), pick, style, output, every=every, strict=strict)
    if not config.is_file() and not (asked.files and config == DEFAULT):
        no_file(config)
    raise typer.Exit(testing.main(asked, config if config.is_file() else None))


def _scenarios() -> list[str]:
    """What a shell completes after `pointman drill`."""
    from sync.drill import shipped

    return list(shipped.names())


def drill(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A shipped one's name, or a file.", autocompletion=_scenarios)
    ] = "",
    config: ConfigFile = DEFAULT,
    *,
    listed: Annotated[bool, typer.Option("--list", help="Say which scenarios come with Pointman.")] = False,
    printed: Annotated[bool, typer.Option("--print", help="Print the scenario, to begin one of your own.")] = False,
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="FILES", help="Rules to play it against instead."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Rehearse with real people and real channels, by the clock on the wall.")
    ] = False,
    sure: Annotated[bool, typer.Option("--yes", help="Begin a live drill without asking.")] = False,
    report: Annotated[
        Path, typer.Option("--report", metavar="FOLDER", help="Where the report of a live drill is put.")
    ] = Path(),
    every: Annotated[bool, typer.Option("--verbose", "-v", help="Tell every change of a message, too.")] = False,
    style: Annotated[
        Literal["text", "json", "junit"], typer.Option("--format", help="For people, programs, or build servers.")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write that to a file, and text to the screen."),
    ] = None,
) -> None:
    """Play a disaster in virtual time against your rules: who would be told, when, and what would be missed."""
    from sync.cli import console, drilling

    if listed:
        console.table(("scenario", "what it is about"), drilling.listed())
        return
    if not scenario:
        stop("which scenario? pointman drill --list says which there are", USAGE)
    if printed:
        raise typer.Exit(drilling.show(scenario))
    if not config.is_file() and config != DEFAULT:
        no_file(config)
    if live:
        read, ruled = opened(config)
        from sync.cli import playing, rehearsing

        gc.enable()
        with playing.asked() as end:
            raise typer.Exit(rehearsing.main(rehearsing.Wanted(scenario, report, sure), read, ruled, end))
    asked = drilling.Asked(scenario, tuple(rules or ()), style, output, every=every)
    raise typer.Exit(drilling.main(asked, config if config.is_file() else None))


def score(
    config: ConfigFile = DEFAULT,
    *,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="So long ago, or a moment.")] = "30d",
    style: Style = "text",
) -> None:
    """Say for each rule how often it would have fired over past tickets, and what people did then. Does nothing."""
    from sync.cli import console, scoring

    try:
        back = scoring.reach(since)
    except ValueError as error:
        stop(str(error), USAGE)
    parts = parts_of(config)
    with console.progress("tickets lived through again") as bar:
        told = asking(parts, lambda: scoring.scored(parts.engine, back, bar))
    if style == "json":
        console.dump(scoring.data(told))
    else:
        scoring.tell(told)
