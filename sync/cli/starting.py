"""`pointman init`: from a few answers to an installation that watches one's own tickets.

Every connector that offers a setup is asked for its questions; what comes after is the same for all: read how the
products are made, find or make the home ticket, write the files, and check them live. The only thing it changes
anywhere is the home ticket, and nothing stands in the folder before all of it is there.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import typer

from connectors.base import Connector, Tracker
from connectors.errors import ConnectorError, Denied, Refused, Temporary
from connectors.problems import Problem, Problems
from connectors.setup import Found, Setup, listed
from sync import home
from sync.cli import catalogue, choosing, console, draft, placing, wishes
from sync.cli.asking import Conversation, Interview, Unanswered
from sync.cli.choosing import Product, kinds, secrets
from sync.cli.wishes import Wish
from sync.config import dotenv, environment, load

FINE, WRONG, USAGE = 0, 1, 2
SOON = timedelta(seconds=2)
"""How much later than the home ticket is the start: trackers tell whole seconds, and it is old then."""
RULES = ("rules.d/00-company.toml", "rules.d/10-start.toml")


class Stop(Exception):
    """It ends here, with a sentence and an exit code."""

    def __init__(self, said: str, code: int = WRONG) -> None:
        super().__init__(said)
        self.code = code


def main(args: Sequence[str]) -> int:
    """Run the command; the exit code."""
    every = kinds()
    try:
        wish = wishes.read(args, every)
    except SystemExit as end:  # it was asked for help, or told something wrong
        return int(end.code or 0)
    talk = Conversation(not wish.yes and sys.stdin.isatty())
    start = _Start(wish, every, talk)
    try:
        return start.run()
    except Stop as stop:
        console.complain(talk.clean(str(stop)))
        return stop.code
    except (typer.Abort, KeyboardInterrupt, EOFError):
        console.complain(f"\nstopped; {start.left()}")
        return WRONG


# ---- the work


class _Start:
    def __init__(self, wish: Wish, kinds: Mapping[str, type[Connector]], talk: Conversation) -> None:
        self._wish, self._kinds, self._talk = wish, kinds, talk
        self._env = wish.folder / ".env"
        self._notes: list[str] = []
        self._home_key = ""
        self._written: list[Path] = []

    def left(self) -> str:
        """What is there already, in case it ends here."""
        if self._written:
            return f"the files are written; go on with: {_next(self._wish.folder, (), self._home_key)[0]}"
        found = f", and the home ticket {self._home_key} is found again" if self._home_key else ""
        return f"nothing was written{found}"

    def run(self) -> int:
        """Do it all; the exit code. Raises Stop."""
        self._before()
        self._timezone_said()
        products = self._products(choosing.chosen(self._wish, self._kinds, self._talk))
        try:
            timezone = self._timezone()
            self._secrets_kept(products)
            people = self._people(products)
            tracker = next(p for p in products if issubclass(p.kind, Tracker))
            key, made, start = self._home(tracker)
        except ConnectorError as error:
            raise Stop(str(error)) from None
        finally:
            for product in products:
                product.setup.close()
        whole = draft.Installation(
            tracker.name,
            [p.name for p in products if p is not tracker],
            {p.name: p.found for p in products},
            key,
            start,
            timezone,
            people,
        )
        self._write(whole, products)
        problems = self._check(secrets(products))
        self._tell(products, whole, made, problems)
        return WRONG if any(problem.level == "error" for problem in problems) else FINE

    def _before(self) -> None:
        """What can be known to fail is told before anybody is asked anything."""
        folder = self._wish.folder
        try:
            placing.try_folder(folder)
        except OSError as error:
            raise Stop(f"nothing can be written in {folder}: {error.strerror or error}") from None
        taken = [str(p) for p in (folder / name for name in (".env", "config.toml", *RULES)) if p.is_dir()]
        if taken:
            raise Stop(f"{taken[0]} is a folder, where a file should be")
        blocked = [str(p) for p in (folder / "rules.d", folder / "schema") if p.exists() and not p.is_dir()]
        if blocked:
            raise Stop(f"{blocked[0]} is a file, where a folder should be")
        there = [str(p) for p in (folder / name for name in ("config.toml", *RULES)) if p.exists()]
        if there and not self._wish.force and not self._talk.person:
            raise Stop(f"there is already {', '.join(there)}; --force writes over it", USAGE)

    def _timezone_said(self) -> None:
        """A time zone that was said is one. Raises Stop."""
        zone = self._wish.timezone
        if zone and zone not in available_timezones():
            raise Stop(choosing.no_zone(zone), USAGE)

    def _timezone(self) -> str:
        """The one that was said, else what a person answers, else this machine's."""
        if self._wish.timezone or not self._talk.person:
            return self._wish.timezone or choosing.machine_zone()
        offer = choosing.machine_zone()
        while (zone := self._talk.ask("Time zone of rules and texts", offer)) not in available_timezones():
            self._talk.remark(choosing.no_zone(zone))
        return zone

    def _products(self, chosen: Sequence[str]) -> list[Product]:
        """Ask every product, try each answer, and read how it is made. Raises Stop."""
        table = environment().get("connectors", {})
        known = dotenv(self._env)
        interviews = []
        for number, name in enumerate(chosen):
            setup = choosing.setup_of(self._kinds[name], name, table if isinstance(table, dict) else {})
            said = {q.name: str(setup.given.get(q.name) or known.get(q.env, "")) for q in setup.questions}
            flags = self._wish.flags.get(name, {})
            interviews.append(Interview(name, setup, self._talk, flags, said, watches=number == 1))
        missing = [one for interview in interviews for one in interview.missing()]
        if missing and not self._talk.person:
            raise Stop(f"missing: {', '.join(missing)}", USAGE)
        return [self._product(interview) for interview in interviews]

    def _product(self, interview: Interview) -> Product:
        told: list[str] = []

        def tell(said: str) -> None:
            told.append(said)
            self._talk.remark(said)

        try:
            answers = interview.hold(tell)
            found = self._discovered(interview.setup, answers)
        except Unanswered as lacking:
            raise Stop(f"missing: {lacking}", USAGE) from None
        except ConnectorError as error:
            raise Stop(str(error)) from None
        if found.learnt:
            tell(found.learnt)
        self._notes += found.notes
        kind, setup = self._kinds[interview.name], interview.setup
        return Product(setup.name, kind, setup, answers, found, tuple(told))

    def _discovered(self, setup: Setup, answers: Mapping[str, str]) -> Found:
        """What there is; a person whose product fails for a moment need not answer everything again."""
        while True:
            try:
                return setup.discover(answers)
            except Temporary as error:
                if not self._talk.agree(f"{error}. Try again?"):
                    raise

    def _secrets_kept(self, products: Sequence[Product]) -> None:
        """A secret that stands in `.env` gives way to another one only where that is wished. Raises Stop."""
        there = dotenv(self._env)
        others = [name for name, value in secrets(products).items() if there.get(name, value) != value]
        if not others or self._wish.force or not self._wish.secrets:
            return
        said = f"{self._env} has another {', '.join(others)}"
        if not self._talk.person:
            raise Stop(f"{said}; --force writes over it", USAGE)
        if not self._talk.agree(f"{said}. Write over it?"):
            raise Stop("stopped; nothing was written")

    def _people(self, products: Sequence[Product]) -> list[draft.Colleague]:
        """Whoever takes incidents, as every product knows them: those who were named, else the account itself."""
        me = next((p.found.me for p in products if p.found.me), None)
        named = self._wish.people
        if not named and self._talk.person:
            offer = me.email if me else ""
            named = listed(self._talk.ask("Who takes incidents? E-mail addresses, the lead first", offer))
        if not named and me is not None:
            named = (me.email,) if me.email else ()
        people = [one for address in named if (one := self._colleague(address, products)) is not None]
        if not people and me is not None:
            tracker = next(p.name for p in products if p.found.me)
            return [draft.Colleague(_key(me.name), me.name, "", {tracker: me.id})]
        for number, one in enumerate(people):
            if one.key in {other.key for other in people[:number]}:
                people[number] = replace(one, key=_key(one.email or f"{one.key}-{number + 1}"))
        return people

    def _colleague(self, address: str, products: Sequence[Product]) -> draft.Colleague | None:
        """Whoever has this address; None, with a note, where nobody has it: who cannot be reached is not on call."""
        asked = [p for p in products if p.setup.knows_people]
        users = {p.name: p.setup.person(address) for p in asked if "@" in address}
        ids = {name: user.id for name, user in users.items() if user is not None and user.id}
        name = next((user.name for user in users.values() if user is not None and user.name), "")
        if not ids:
            everywhere = " or ".join(p.kind.product for p in asked)
            self._notes.append(f"nobody in {everywhere} has the address {address}: left out; add them to [people]")
            return None
        strangers = [p for p in asked if p.name not in ids]
        for product in strangers:
            where = product.kind.product
            self._notes.append(f"nobody in {where} has the address {address}: put their id there into [people]")
        own = {product: id_ for product, id_ in ids.items() if id_ != address}
        by_address = not strangers or own != ids  # else who is looked for by it is not found everywhere
        reach = tuple(p.name for p in asked if p.name in ids and p.found.place) if strangers and by_address else ()
        return draft.Colleague(_key(address.partition("@")[0]), name, address if by_address else "", own, reach)

    def _home(self, tracker: Product) -> tuple[str, bool, datetime]:
        """The home ticket's key, whether it was made now, and the tracker's moment after that."""
        table = dict(tracker.found.table)
        answers = tracker.answers
        secrets = {q.name: answers[q.name] for q in tracker.setup.questions if q.secret and q.name in answers}
        more = {name: value for name, value in tracker.setup.given.items() if name not in table}
        connector = tracker.kind(tracker.name, tracker.kind.Settings.model_validate({**more, **table, **secrets}))
        try:
            assert isinstance(connector, Tracker)  # noqa: S101  (it was chosen for that)
            if tracker.found.unready:
                connector.me()  # any answer tells its time
                key, made = "", False
            elif self._wish.home:
                key, made = connector.get(self._wish.home).key, False
            else:
                key, made = home.begin(connector, tracker.found.home, tracker.found.kind)
            self._home_key = key
            return key, made, (connector.now() or datetime.now(UTC)).astimezone(UTC) + SOON
        except (Denied, Refused) as error:
            if self._wish.home:
                raise
            raise Stop(f"{error}; or make a ticket for Pointman yourself, and say --home KEY") from None
        finally:
            connector.close()

    def _write(self, whole: draft.Installation, products: Sequence[Product]) -> None:
        """Write every file, or none. Raises Stop."""
        folder = self._wish.folder
        files = [
            placing.File(folder / "config.toml", draft.config(whole)),
            placing.File(folder / RULES[0], draft.company(whole)),
            placing.File(folder / RULES[1], draft.rules(whole)),
            placing.File(folder / "schema/config.schema.json", _json(catalogue.of_config()), ours=True),
            placing.File(folder / "schema/rules.schema.json", _json(catalogue.of_rules()), ours=True),
        ]
        if self._wish.secrets:
            old = self._env.read_text(encoding="utf-8", errors="surrogateescape") if self._env.exists() else ""
            files.append(
                placing.File(self._env, placing.with_secrets(old, secrets(products)), placing.SECRET, ours=True)
            )
            ignore = placing.ignoring(folder.resolve(), ".env")
            files += [ignore] if ignore else []
        for file in placing.standing(files):
            if not self._wish.force:
                self._talk.say(placing.difference(file))
                if not self._talk.agree(f"Write over {file.path}?"):
                    raise Stop(f"stopped; {self.left()}")
        try:
            placing.place(files)
        except OSError as error:
            raise Stop(f"nothing was written: {error.filename or folder}: {error.strerror or error}") from None
        self._written = [file.path for file in files]

    def _check(self, known: Mapping[str, str]) -> tuple[Problem, ...]:
        """What `pointman check --live` says of it."""
        from rules.load import load as rules_of
        from sync.cli import live
        from sync.run import connect

        for name, value in known.items():
            os.environ[name] = value  # as they were tried; the environment may lack them, or hold others
        try:
            read = load(self._wish.folder / "config.toml")
            rules = rules_of(read.rule_paths, read.mode, tuple(read.connectors))
        except Problems as wrong:
            return wrong.problems
        connectors = connect(read)
        try:
            return (*rules.warnings, *live.problems(read, rules, connectors))
        finally:
            for connector in connectors.values():
                connector.close()

    def _tell(
        self,
        products: Sequence[Product],
        whole: draft.Installation,
        made: bool,
        problems: Sequence[Problem],
    ) -> None:
        """What was done, what is still wrong, and what to do next."""
        folder = self._wish.folder
        first = [f"pointman setup {whole.tracker}", choosing.again(self._wish)] if whole.tickets.unready else []
        steps = _next(folder, first, whole.tickets.example or whole.home)
        lacking = [] if self._wish.secrets else sorted(secrets(products))
        if self._wish.style == "json":
            told = {
                "ok": not any(problem.level == "error" for problem in problems),
                "home": whole.home or None,
                "home_made": made,
                "example": whole.tickets.example or None,
                "files": [str(file) for file in self._written],
                "set": lacking,
                "said": {p.name: list(p.said) for p in products},
                "notes": self._notes,
                "problems": [console.data(problem) for problem in problems],
                "next": steps,
            }
            console.say(self._talk.clean(_json(told)).rstrip())
            return
        lines = [
            f"{'made' if made else 'found'} the home ticket {whole.home}"
            if whole.home
            else console.folded(f"made no home ticket yet: {whole.tickets.unready}", "", console.width()),
            *(f"wrote {file}" for file in self._written),
            *(console.folded(note, "note: ", console.width()) for note in self._notes),
            *(f"check --live: {problem}" for problem in problems),
            "",
            "Next:",
            *([f"  set {', '.join(lacking)} in the environment"] if lacking else []),
            *(f"  {step}" for step in steps),
        ]
        console.say(self._talk.clean("\n".join(lines)))


# ---- what is not asked


def _next(folder: Path, first: Sequence[str], key: str) -> list[str]:
    where = [] if folder.resolve() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    plan = [f"pointman plan {key}"] if key else []
    return [*where, *first, "pointman check --live", "pointman test", *plan, "pointman run"]


def _key(name: str) -> str:
    """A name as rules write it."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "somebody"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
