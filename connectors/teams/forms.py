"""Asking a person back: a form as a card, whose button comes back as the same command with its arguments.

The card carries the command, as nothing is remembered here. Its fields are named `arg.<name>`, so that what a person
enters cannot take the place of what we wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from microsoft_teams.cards.core import (
    AdaptiveCard,
    CardElement,
    Choice,
    ChoiceSetInput,
    ExecuteAction,
    QueryData,
    RichTextBlock,
    TextInput,
    TextRun,
)

from connectors.model import Command, Form, Question
from connectors.teams.cards import VERSION, Json, dumped, short
from connectors.teams.carried import CARD, brought

ARG: Final = "arg."
CANCEL: Final = "cancel"
ALONE: Final = "alone"
INSTEAD: Final = "instead"
"""Sorts of forms: a message of its own, or what stands for one person in a card's place."""
PEOPLE: Final = "graph.microsoft.com/users"
"""The people picker's data set: everybody in the organisation
(https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/people-picker)."""
LABEL: Final = 200
CHOICES: Final = 100
TEXT: Final = 3_000
CARRIED: Final = 4_000
"""Characters of a card that a form carries at the most, beside all that it asks."""


def form_card(command: Command, form: Form, stood: Json | None, *, alone: bool = False) -> Json:
    """The card that asks for what the command lacks. `alone`: it is a message of its own, not another's stand-in.

    `stood` is the card that it stands in for, where that is known; the form carries it, too.
    """
    sort = ALONE if alone else INSTEAD
    kept: Json = {"verb": command.verb, "ref": command.ref, "args": dict(command.args), "form": sort, "for": command.id}
    sealed = brought(stood)
    kept |= {CARD: sealed} if 0 < len(sealed) <= CARRIED else {}
    send = ExecuteAction(title="Send", verb=command.verb, data=_data(kept), style="positive")
    back = ExecuteAction(title="Cancel", verb=CANCEL, data=_data({**kept, "verb": CANCEL}), associated_inputs="none")
    title = RichTextBlock(inlines=[TextRun(text=short(form.title, LABEL), size="Large", weight="Bolder")])
    body: list[CardElement] = [title, *(_input(question) for question in form.questions)]
    return dumped(AdaptiveCard(version=VERSION, body=body, actions=[send, back]))


def answers(data: Mapping[str, Any]) -> dict[str, str]:
    """What the command knew already and what was entered, by question; what was left empty is absent."""
    known = {str(name): str(value) for name, value in (data.get("args") or {}).items()}
    given = {name.removeprefix(ARG): value for name, value in data.items() if name.startswith(ARG)}
    return {**known, **{name: str(value).strip() for name, value in given.items() if str(value or "").strip()}}


def _data(kept: Json) -> Any:
    return dict(kept)


def _input(question: Question) -> CardElement:
    id_, label, missing = ARG + question.name, short(question.label, LABEL), "This is needed."
    if question.kind == "person":
        return ChoiceSetInput(
            id=id_,
            label=label,
            is_required=question.required,
            error_message=missing,
            choices=[],
            choices_data=QueryData(dataset=PEOPLE),
            value=question.value or None,
        )
    if question.kind == "choice":
        offered = question.options[:CHOICES]
        return ChoiceSetInput(
            id=id_,
            label=label,
            is_required=question.required,
            error_message=missing,
            choices=[Choice(title=option, value=option) for option in offered],
            value=question.value if question.value in offered else None,
        )
    return TextInput(
        id=id_,
        label=label,
        is_required=question.required,
        error_message=missing,
        is_multiline=question.kind == "text",
        max_length=TEXT,
        value=question.value[:TEXT] or None,
    )
