"""What a person is asked for, where their command lacks something: as a form, where their messenger can show one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from connectors.model import Command, Form, Question
from rules.language import PLACELESS
from rules.model import RuleSet
from sync.answers import VERBS

_LINES: Final[Mapping[str, tuple[str, str]]] = {
    "hold": ("reason", "Why? What does it wait for?"),
    "eta": ("time", "When will it be done? 15:30, in 2h, tomorrow 09:00, or unknown"),
    "cadence": ("every", "How often do updates go out? 15m, 1h, or normal"),
    "pause": ("time", "For how long does nothing happen by itself? 30m, until 14:30, or off"),
}
"""By verb, the one line that it needs: its name, and how it is asked for."""


def form(command: Command, rules: RuleSet, keys: Sequence[str] = ()) -> Form | None:
    """What to ask for; None where nothing is missing. A text that is there already may be changed in the form.

    `keys` are those of tickets that may be meant where none is named.
    """
    questions = tuple(_questions(command, rules, keys))
    lacking = [question for question in questions if question.required and not question.value]
    if not lacking:
        return None
    asked = (q for q in questions if q in lacking or not q.required or q.kind == "text")
    return Form(VERBS[command.verb].capitalize(), tuple(asked))


def _questions(command: Command, rules: RuleSet, keys: Sequence[str]) -> Iterator[Question]:
    """Everything a verb needs to know, with what is known of it."""
    if command.verb not in PLACELESS and not command.ref:
        yield Question("ticket", f"Which ticket? Its key, such as {', '.join(keys) or 'OPS-42'}")
    levels = rules.scales.get("severity", ())
    if command.verb in {"update", "comment"}:
        label = "What should everybody know?" if command.verb == "update" else "What should stand in its timeline?"
        yield _asked(command, Question("text", label, "text"))
    elif command.verb == "severity":
        yield _asked(command, Question("level", "How severe is it?", "choice", levels))
    elif command.verb == "override":
        yield from (_asked(command, question) for question in _goal(rules))
    elif command.verb in _LINES:
        yield _asked(command, Question(*_LINES[command.verb]))
    elif command.verb == "declare":
        yield _asked(command, Question("summary", "What has happened?"))
        yield _asked(command, Question("severity", "How severe is it?", "choice", levels, required=False))
        if rules.services:
            services = tuple(rules.services)
            yield _asked(command, Question("service", "Which service?", "choice", services, required=False))
    if command.verb in {"claim", "handover"} and len(rules.roles) > 1:
        titles = tuple(role.title or role.name for role in rules.roles.values())
        yield _asked(command, Question("role", "Which role?", "choice", titles))
    if command.verb in {"assign", "handover"}:
        yield _asked(command, Question("person", "Who should have it?", "person"))


def _goal(rules: RuleSet) -> Iterator[Question]:
    """What is asked of another goal: of which clock, unless there is only one, which, and why."""
    clocks = tuple(rule.id for rule in rules.of("objective") if rule.mode != "off")
    if len(clocks) > 1:
        yield Question("objective", "Which clock?", "choice", clocks)
    yield Question("within", "What is its goal for this ticket? 6h, or default")
    yield Question("reason", "Why? It stands in the log.", "text")


def _asked(command: Command, question: Question) -> Question:
    given = command.args.get(question.name, "").strip()
    return Question(question.name, question.label, question.kind, question.options, given, question.required)
