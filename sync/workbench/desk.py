"""What the workbench knows and answers, without HTTP: files, tickets, and the two put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from connectors.errors import Refused
from connectors.problems import Problem, Problems
from rules import load
from rules.model import RuleSet
from sync.config import moment
from sync.look import Engine
from sync.plan import Plan
from sync.workbench.difference import Difference, difference, turned
from sync.workbench.files import Reading, RuleFiles
from sync.workbench.seeing import Subject, explanations, plan_at, seen, within
from sync.workbench.tickets import Tickets, closed
from sync.workbench.views import Others, Views

NO_RULES: Final = '[defaults]\ntimezone = "UTC"\n'


Drafts: TypeAlias = Mapping[str, str]
"""By name of a file, the text that it would have."""


PLANS: Final = 500
"""Plans that are kept at the most."""


class NotUnderstood(Exception):
    """What was asked for makes no sense here: a sentence, and a status for the answer."""

    def __init__(self, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.status = status


def no_rules() -> RuleSet:
    """Rules that say nothing, for a desk whose files are not fine yet."""
    return load.parse({"": NO_RULES})


class Desk:
    """Everything that the workbench's page can ask."""

    def __init__(self, files: RuleFiles, engine: Engine, config: str) -> None:
        self._files, self._config = files, config
        self._tickets = Tickets(engine)
        self._views = Views()
        self._plans: dict[str, tuple[Subject, str, Plan]] = {}

    def gather(self) -> None:
        """Read the open tickets, for how many of them a change makes a difference."""
        self._tickets.gather(self._files.reading().rules or no_rules())

    def page(self, key: str, *, may_apply: bool) -> str:
        """The whole page."""
        return self._views.page(key, may_apply, self._config)

    def fragment(self, key: str, at: str) -> str:
        """The plan of a ticket and why. Raises ConnectorError, Unreadable, NotUnderstood."""
        when = _moment(at)
        rules = self._files.reading().rules
        if not key:
            return self._views.sentence("No ticket is opened: give its key.", "empty")
        subject = self._tickets.subject(key, fresh=when is None)
        if rules is None:
            return self._views.sentence("The rule files have problems, so there is no plan: mend them first.", "wrong")
        if (said := closed(subject, rules)) is not None:
            return self._views.sentence(said, "empty")
        return self._views.fragment(seen(subject, rules, within(subject, when)), rules, rules.digest)

    def files(self, *, applies: bool) -> list[dict[str, Any]]:
        """The rule files. `applies`: a change can be written."""
        return [
            {
                "name": file.name,
                "text": file.text,
                "editable": file.editable,
                "sum": file.sum,
                "applies": applies and file.editable,
            }
            for file in (*self._files.listed(), *self._files.packs())
        ]

    def check(self, drafts: Drafts) -> list[dict[str, Any]]:
        """The problems that there would be. Raises NotUnderstood."""
        return _told(self._drafted(drafts).problems)

    def difference(self, drafts: Drafts, key: str, at: str, *, others: bool = True) -> dict[str, Any]:
        """What other texts of files would change, for the `others`, too. Raises ConnectorError, Unreadable,
        NotUnderstood.
        """
        when = _moment(at)
        reading = self._drafted(drafts)
        problems = _told(reading.problems)
        if reading.rules is None:
            return {"problems": problems, "html": self._views.sentence("Not before the problems are mended.", "wrong")}
        current = self._files.reading().rules
        if not key:
            return {"problems": problems, "html": self._views.sentence("Open a ticket to see the difference.", "empty")}
        subject = self._tickets.subject(key)
        said = closed(subject, reading.rules) or (closed(subject, current) if current is not None else None)
        if said is not None:
            return {"problems": problems, "html": self._views.sentence(said, "empty")}
        found = _differences(subject, current, reading.rules, within(subject, when))
        counted = self._others(subject, current, reading.rules) if others and current is not None else Others(0)
        return {"problems": problems, "html": self._views.difference(found, reading.rules, subject.now, counted)}

    def made_up(self, text: str) -> dict[str, Any]:
        """The key of a ticket of these words, or of the tracker's own JSON, which is kept here.

        Raises NotUnderstood and Unreadable.
        """
        reading = self._files.reading()
        if reading.rules is None:
            raise NotUnderstood("the rule files have problems: mend them first", 409)
        try:
            key = self._tickets.make_up(text, {file.name: file.text for file in self._files.listed()})
        except Problems as wrong:
            raise NotUnderstood("; ".join(map(_sentence, wrong.problems))) from wrong
        except Refused as refused:
            raise NotUnderstood(str(refused)) from refused
        return {"key": key}

    def apply(self, name: str, text: str, known: str) -> None:
        """Write a file. Raises NotWritten."""
        self._files.write(name, text, known)

    def _drafted(self, drafts: Drafts) -> Reading:
        known = {file.name for file in self._files.listed()}
        for name in drafts:
            if name not in known:
                raise NotUnderstood(f"there is no rule file {name[:200]}", 404)
        return self._files.reading(drafts)

    def _others(self, opened: Subject, before: RuleSet, after: RuleSet) -> Others:
        several = self._tickets.others(opened.ticket.ref)
        changed = []
        for subject in several:
            if closed(subject, before) is not None:
                continue
            lines = difference(self._planned(subject, before), plan_at(subject, after))
            if count := sum(line.sort != "same" for line in lines):
                changed.append((subject.ticket.key, count))
        return Others(len(several), tuple(changed), self._tickets.trouble)

    def _planned(self, subject: Subject, rules: RuleSet) -> Plan:
        """The plan by the rules as they are, made once for each reading of a ticket."""
        kept = self._plans.get(subject.ticket.ref)
        if kept is None or kept[0] is not subject or kept[1] != rules.digest:
            if len(self._plans) > PLANS:
                self._plans.clear()
            kept = self._plans[subject.ticket.ref] = (subject, rules.digest, plan_at(subject, rules))
        return kept[2]


def _differences(subject: Subject, before: RuleSet | None, after: RuleSet, at: datetime | None) -> Difference:
    new = plan_at(subject, after, at)
    old = plan_at(subject, before, at) if before is not None else None
    was = explanations(subject, old, before) if old is not None and before is not None else ()
    return Difference(difference(old, new), turned(was, explanations(subject, new, after)))


def _moment(text: str) -> datetime | None:
    try:
        return moment(text.replace(" ", "+")) if text else None
    except (ValueError, OverflowError) as error:
        raise NotUnderstood(str(error)) from error


def _sentence(problem: Problem) -> str:
    hint = f", {problem.hint}" if problem.hint else ""
    return f"line {problem.where.line}: {problem.message}{hint}"


def _told(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "file": problem.where.file,
            "line": problem.where.line,
            "column": problem.where.column,
            "length": problem.where.length,
            "message": f"{problem.rule}: {problem.message}" if problem.rule else problem.message,
            "hint": problem.hint,
            "level": problem.level,
        }
        for problem in problems
    ]
