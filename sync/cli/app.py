"""The commands of `pointman`.

Exit codes: 0 fine, 1 problems found, 2 wrong usage. Every command takes `--config FILE` (or POINTMAN_CONFIG). What a
command needs is imported when it runs: `check` must start fast, in editors and before commits.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from sync.cli import trials
from sync.cli.opening import (
    DEFAULT,
    USAGE,
    ConfigFile,
    Key,
    Style,
    asking,
    configuration,
    moment,
    no_file,
    opened,
    parts_of,
    stop,
    when,
)

if TYPE_CHECKING:
    from rules.model import RuleSet
    from sync.plan import Plan

app = typer.Typer(
    name="pointman",
    help="The automated point of contact of an incident.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Init(TyperCommand):
    """The command `init`, which reads its options itself: connectors bring them. Completion alone is told of them."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; while somebody completes, also those of the connectors."""
        own = super().get_params(ctx)
        if not ctx.resilient_parsing:
            return own
        from sync.cli import completing

        return [*own, *completing.options()]


@app.command(
    cls=_Init, add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def init(context: typer.Context) -> None:
    """Begin: ask what must be known of your products, write all files. `pointman init --help` tells its options."""
    gc.enable()
    from sync.cli import starting

    raise typer.Exit(starting.main(list(context.args)))


@app.command()
def run(
    config: ConfigFile = DEFAULT,
    level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option("--log", help="What is told, at the least.")
    ] = "info",
) -> None:
    """Run: take webhooks, sweep, look, until SIGTERM or SIGINT."""
    read, rules = opened(config)
    from sync import run as running

    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # a look makes thousands of objects and keeps none: a twentieth of its time
    gc.enable()
    try:
        finished = running.run(read, rules, level)
    except OSError as error:
        stop(f"could not listen on {read.server.host}:{read.server.port}: {error.strerror or error}")
    if not finished:
        os._exit(0)  # what is still in hand has had its time; a claim settles it after the next start


@app.command()
def check(
    config: ConfigFile = DEFAULT,
    *,
    live: Annotated[bool, typer.Option("--live", help="Try every product for real too; changes nothing.")] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets/--no-secrets", help="Whether secrets must be set; they need not be in CI.")
    ] = True,
    style: Annotated[
        Literal["text", "json", "github", "sarif"],
        typer.Option("--format", help="For people, programs, GitHub's annotations, or code scanning."),
    ] = "text",
) -> None:
    """Check the configuration and all rules, and tell every mistake at once."""
    from sync.cli import checking, console

    if not config.is_file():
        no_file(config)
    if live and not secrets:
        stop("--live signs in to the products, so it needs the secrets", USAGE)
    found, counted = checking.check(config, secrets)
    if live and counted:
        read, rules = opened(config)
        from sync.cli import live as trying
        from sync.run import connect

        connectors = connect(read)
        with console.progress("trying every product") as bar:
            bar(0, len(connectors))
            found = [*found, *trying.problems(read, rules, connectors)]
    raise typer.Exit(console.told(found, style, counted, config))


@app.command()
def plan(key: Key, config: ConfigFile = DEFAULT, *, style: Style = "text") -> None:
    """Say what would be done for a ticket now, and what happens next. Does nothing."""
    parts = parts_of(config)
    from sync import show, why
    from sync.cli import console

    made = asking(parts, lambda: why.planned(parts.engine, key))
    if style == "json":
        console.dump(show.data(made))
    else:
        _show_plan(made, parts.engine.rules)


@app.command()
def explain(
    key: Key,
    config: ConfigFile = DEFAULT,
    *,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="As it was then: 2026-01-31T09:30Z.")] = "",
    style: Style = "text",
) -> None:
    """Say for each rule why it fired for a ticket, or why not; also at a past moment."""
    when = moment(at)
    parts = parts_of(config)
    from sync.cli import console, explaining

    told = asking(parts, lambda: explaining.explained(parts.engine, key, when))
    if style == "json":
        console.dump(explaining.data(told))
    else:
        console.coloured(explaining.text(told, console.width()), explaining.COLOURS)


app.command("test")(trials.run_tests)
app.command()(trials.drill)
app.command()(trials.score)


@app.command()
def apply(key: Key, config: ConfigFile = DEFAULT, *, style: Style = "text") -> None:
    """Look at one ticket now and do what is owed. Not beside a running Pointman: one process writes a ticket."""
    parts = parts_of(config)
    from sync import show, why
    from sync.cli import console

    def do() -> Plan:
        why.hear(parts.engine)
        ref = parts.engine.tracker.get(key).ref
        parts.queue.start()
        parts.queue.put(ref)
        parts.settle()
        return parts.engine.plan(ref)

    made = asking(parts, do)
    if style == "json":
        console.dump(show.data(made))
    else:
        _show_plan(made, parts.engine.rules)


@app.command()
def release(
    config: ConfigFile = DEFAULT,
    *,
    by: Annotated[str, typer.Option("--by", help="Who releases, for the record.")] = "",
) -> None:
    """Let go of everything that is held: floods, lost rules, outside audiences. The running process hears of it."""
    parts = parts_of(config)
    from sync import home
    from sync.cli import console

    if not parts.config.home:
        stop("there is no home ticket to write the release on; set home in the configuration")
    who = by or os.environ.get("USER", "") or "somebody"
    engine = parts.engine
    key = asking(
        parts, lambda: home.release(engine.tracker, parts.config.home, who, engine.clock(), engine.rules.digest)
    )
    console.say(f"released, on {key}; the running process hears of it within a minute")


@app.command()
def sweep(
    config: ConfigFile = DEFAULT,
    *,
    once: Annotated[bool, typer.Option("--once", help="One round, do what is owed, and end: for cron.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Send news that had become too old, too.")] = False,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Reach back to then.")] = "",
    style: Style = "text",
) -> None:
    """Sweep the tracker without a server: what is open or changed lately is looked at, what is owed is done."""
    reach = moment(since)
    parts = parts_of(config, reach)
    from sync import logs
    from sync.cli import console
    from sync.run import sweep_on, sweep_once

    parts.engine.late = late
    if not once:
        gc.enable()
        logs.configure(parts.config.secrets())
        sweep_on(parts)
        return
    with console.progress("tickets looked at") as bar:
        done = asking(parts, lambda: sweep_once(parts, bar))
    troubles = {name: trouble.said for name, trouble in parts.engine.manners.gate.troubles().items()}
    if style == "json":
        console.dump({"listed": done.listed, "looked_at": done.queued, "troubles": troubles})
    else:
        console.say(f"{done.listed} tickets listed, {done.queued} looked at")
        for name, said in troubles.items():
            console.complain(f"{name}: {said}")
    raise typer.Exit(1 if troubles else 0)


@app.command()
def watch(
    config: ConfigFile = DEFAULT,
    *,
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="SPAN", help="How late is late; else what the configuration says.")
    ] = "",
    style: Style = "text",
) -> None:
    """Prove from the tracker alone that nothing is overdue; for cron. 0: nothing is, 1: something is, 2: cannot say."""
    from sync.cli import watchdog

    gc.enable()
    raise typer.Exit(watchdog.main(config, tolerance, style))


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def demo(context: typer.Context) -> None:
    """Play an incident against products in a box. `pointman demo --help` tells its options."""
    gc.enable()
    from sandbox import demo as playing

    raise typer.Exit(playing.main(list(context.args)))


@app.command()
def playground(
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="The ticket to begin with, such as OPS-42.")] = "",
    config: ConfigFile = DEFAULT,
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The page's port; 0 takes a free one.")] = 0,
    may_apply: Annotated[bool, typer.Option("--apply", hidden=True, help="Let the page write rule files.")] = False,
    embedded: Annotated[bool, typer.Option("--embedded", hidden=True, help="Another page shows it.")] = False,
) -> None:
    """Open a page to try rules out: a ticket, what happens next, why, and what a change would make. Writes nothing."""
    from connectors.problems import Problems
    from sync import logs
    from sync.cli import playing

    gc.enable()
    try:
        read = configuration(config)
    except Problems as wrong:
        stop(str(wrong))
    logs.configure(read.secrets(), "warning")
    try:
        playing.play(read, playing.Wanted(key, port, may_apply, embedded), playing.tell)
    except OSError as error:
        stop(f"could not listen on 127.0.0.1:{port}: {error.strerror or error}")


@app.command()
def setup(
    name: Annotated[str, typer.Argument(metavar="CONNECTOR", help="Of which connector, such as servicenow or teams.")],
    config: ConfigFile = DEFAULT,
    *,
    url: Annotated[str, typer.Option("--url", help="Pointman's public address, such as https://pm.example.org.")] = "",
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where files for you are put.")] = Path(),
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
) -> None:
    """Make what a product must have for us, and say what is left to its administrator. May be said again and again."""
    from connectors.setup import Order
    from sync.cli import setting_up

    gc.enable()
    raise typer.Exit(setting_up.main(config, name, Order(url.rstrip("/"), dry), out))


def _teams(context: typer.Context) -> list[str]:
    """What a shell completes after `pointman oncall`."""
    from sync.cli import oncall

    return oncall.names(context.params.get("config") or DEFAULT)


@app.command("oncall")
def on_call(
    team: Annotated[str, typer.Argument(metavar="TEAM", help="Of this team only.", autocompletion=_teams)] = "",
    config: ConfigFile = DEFAULT,
    *,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="At a moment: 2026-01-31T09:30Z, 15:30, tomorrow 09:00, in 2h.")
    ] = "",
    style: Style = "text",
) -> None:
    """Say who is on call now or at a moment, until when, and who comes next. Exit code 1 where that is nobody."""
    from connectors.problems import nearest
    from rules.schedule import sources
    from sync.cli import console, oncall

    read, rules = opened(config)
    if team and team not in rules.teams:
        stop(f"there is no team {team}; {nearest(team, rules.teams) or 'there are ' + ', '.join(rules.teams)}", USAGE)
    if team and rules.teams[team].schedule is None:
        stop(f"the team {team} has no schedule, so nobody is ever on call for it")
    moment = when(at, rules)
    if sources(rules):
        from sync.cli.live import looked_up

        rules, complaints = looked_up(rules, read, moment)
        for said in complaints:
            console.complain(said)
    found = tuple(oncall.duties(rules, (team,) if team else rules.teams, moment))
    if style == "json":
        console.dump(oncall.data(found, rules, moment))
    elif found:
        console.table(("team", "on call", "until", "then"), oncall.rows(found, rules, moment))
    else:
        console.say("no team has a schedule")
    raise typer.Exit(1 if any(each.now.person is None for each in found) else 0)


@app.command()
def connectors(*, style: Style = "text") -> None:
    """List every kind of connector with its settings."""
    from connectors import registry
    from sync.cli import catalogue, console

    kinds = {name: registry.load(name) for name in sorted(registry.available())}
    if style == "json":
        console.dump({name: catalogue.schema(kind) for name, kind in kinds.items()})
        return
    for name, kind in kinds.items():
        console.table(("setting", "type", "", "what it is"), catalogue.rows(kind), f"{name}: {kind.product}")


@app.command()
def schema(
    what: Annotated[Literal["rules", "config", "pack", "drill"], typer.Argument(help="Of which files.")] = "rules",
) -> None:
    """Print the JSON Schema of rule files, of config.toml, of packs or of drills, for editors."""
    from sync.cli import catalogue, console

    console.dump(catalogue.PRINTED[what]())


def _show_plan(made: Plan, rules: RuleSet) -> None:
    from sync import show
    from sync.cli import console

    colours = {rf"(?m)^{head}\b.*(?:\n .*)*": show.COLOURS[status] for status, head in show.HEADS.items()}
    console.coloured(show.text(made, rules, console.room()), colours)
