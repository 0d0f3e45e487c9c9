"""The conversation of `pointman init`: where an answer comes from, how it is tried, and how it is asked again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import typer

from connectors.errors import ConnectorError
from connectors.setup import Question, Setup
from sync.cli import console
from sync.logs import Redaction


class Unanswered(Exception):
    """Nobody may be asked, and these answers are missing: each as a flag, a variable, or both."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(", ".join(missing))
        self.missing = missing


@dataclass
class Conversation:
    """Asks a person, where there is one, on standard error; knows every secret that was said, and shows none."""

    person: bool
    secrets: set[str] = field(default_factory=set)

    def say(self, text: str) -> None:
        """A line for the person."""
        typer.echo(self.clean(text), err=True)

    def remark(self, said: str) -> None:
        """A sentence between two questions, folded to the terminal."""
        self.say(console.folded(said, "  ", console.width()))

    def clean(self, text: str) -> str:
        """The text without secrets, and without what a terminal would obey: products say what is in it."""
        return console.harmless(str(Redaction(self.secrets).clean(text)))

    def ask(self, question: str, offer: str = "", *, secret: bool = False) -> str:
        """What the person answers, at least one letter of it."""
        said: str = typer.prompt(
            self.clean(question), default=offer or None, hide_input=secret, err=True, show_default=bool(offer)
        )
        return said.strip()

    def agree(self, question: str) -> bool:
        """Whether the person says yes."""
        return self.person and typer.confirm(question, default=False, err=True)


@dataclass
class Interview:
    """The questions of one connector. `flags` and `known` are answers given beforehand: the flags by the person.

    `watches` is whether administrators read there.
    """

    name: str
    setup: Setup
    talk: Conversation
    flags: Mapping[str, str]
    known: Mapping[str, str]
    watches: bool = True

    @property
    def questions(self) -> tuple[Question, ...]:
        """What may be asked at all."""
        return tuple(q for q in self.setup.questions if self.watches or not q.watch)

    def missing(self) -> tuple[str, ...]:
        """What is lacking where nobody may be asked, as far as that is known before anything is tried."""
        return tuple(
            self._named(q)
            for q in self.questions
            if not (q.late or q.made) and not self._given(q) and (q.secret or not self.setup.offer(q, {}))
        )

    def hold(self, told: Callable[[str], None]) -> dict[str, str]:
        """Ask what is not known, try each answer at once, and ask again what is wrong.

        Raises Unanswered, and ConnectorError where there is no person to ask again.
        """
        answers: dict[str, str] = {}
        wrong: set[str] = set()
        waiting = list(self.questions)
        while waiting:
            question = waiting.pop(0)
            if not self.setup.asks(question, answers):
                continue
            answers[question.name] = self._answer(question, answers, question.name in wrong)
            if question.secret:
                self.talk.secrets.add(answers[question.name])
            try:
                said = self.setup.accept(question, answers)
            except ConnectorError as error:
                if not self.talk.person:
                    raise
                self.talk.remark(str(error))
                again = set(question.again or (question.name,))
                wrong |= again
                waiting = [q for q in self.questions if q.name in again] + waiting
                answers = {name: value for name, value in answers.items() if name not in again}
                continue
            if said:
                told(said)
        return answers

    def _answer(self, question: Question, answers: Mapping[str, str], wrong: bool) -> str:
        given = "" if wrong else self._given(question)
        if given:
            return given
        offer = self.setup.offer(question, answers) if question.made or not question.secret else ""
        if question.made:
            return offer
        if not self.talk.person:
            if offer:
                return offer
            raise Unanswered((self._named(question),))
        hint = "" if offer else self.setup.hint(question, answers)
        return self.talk.ask(f"{question.asks} ({hint})" if hint else question.asks, offer, secret=question.secret)

    def _given(self, question: Question) -> str:
        said = self.flags.get(question.name) or os.environ.get(question.env, "") or self.known.get(question.name, "")
        return said.strip()

    def _named(self, question: Question) -> str:
        if question.secret:
            return f"the environment variable {question.env}"
        return f"--{self.name}-{question.name.replace('_', '-')} (or {question.env})"
