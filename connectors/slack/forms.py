"""Asking a person back: a form as Slack's modal, and the handle by which their answer finds its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from connectors.model import Command, Form, Question
from connectors.slack.blocks import cut

Json: TypeAlias = dict[str, Any]

CALLBACK = "pointman"
TITLE = 24
LABEL = 2_000
OPTION = 75
OPTIONS = 100
TEXT = 3_000
ARGUMENT = 500
"""Characters kept of what a command says already: a view carries 3,000 in all."""


@dataclass(frozen=True, slots=True)
class Handle:
    """How to answer a person: the URL for a note that only they see (half an hour, five notes), and the trigger
    that opens a form (three seconds, once). `spot` is where they were: `channel:timestamp` of the message, and with
    `:timestamp` that of the thread it is in. Each may be empty. As text: URL, space, trigger, space, spot.
    """

    url: str = ""
    trigger: str = ""
    spot: str = ""

    def __str__(self) -> str:
        return f"{self.url} {self.trigger} {self.spot}" if self.spot else f"{self.url} {self.trigger}"

    @classmethod
    def parse(cls, reply: str) -> Handle:
        """The handle in a command's `reply`."""
        url, trigger, spot = (*reply.split(" "), "", "", "")[:3]
        return cls(url, trigger, spot)


def view(command: Command, form: Form) -> Json:
    """The modal that asks for what the command lacks. It carries the command, as nothing is remembered here."""
    asked = {question.name for question in form.questions}
    args = {name: value[:ARGUMENT] for name, value in command.args.items() if name not in asked}
    kept = {"verb": command.verb, "ref": command.ref, "url": Handle.parse(command.reply).url, "args": args}
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain(form.title, TITLE),
        "submit": _plain("Send", TITLE),
        "close": _plain("Cancel", TITLE),
        "private_metadata": json.dumps(kept, separators=(",", ":")),
        "blocks": [_input(question) for question in form.questions],
    }


def answers(values: Mapping[str, Any]) -> dict[str, str]:
    """The answers of a submitted modal by question (`view.state.values`); what was left empty is absent."""
    given: dict[str, str] = {}
    for name, fields in values.items():
        field = fields.get(name) if isinstance(fields, dict) else None
        if not isinstance(field, dict):
            continue
        chosen = field.get("selected_option")
        said = field.get("value") or field.get("selected_user") or (chosen.get("value") if chosen else None)
        if said:
            given[str(name)] = str(said)
    return given


def _input(question: Question) -> Json:
    return {
        "type": "input",
        "block_id": question.name,
        "label": _plain(question.label, LABEL),
        "optional": not question.required,
        "element": {"action_id": question.name, **_element(question)},
    }


def _element(question: Question) -> Json:
    element: Json
    begins: Json
    if question.kind == "person":
        element, begins = {"type": "users_select"}, {"initial_user": question.value}
    elif question.kind == "choice":
        options = [_option(option) for option in question.options[:OPTIONS]]
        element, begins = {"type": "static_select", "options": options}, {"initial_option": _option(question.value)}
        begins = begins if question.value in question.options[:OPTIONS] else {}
    else:
        element = {"type": "plain_text_input", "multiline": question.kind == "text", "max_length": TEXT}
        begins = {"initial_value": question.value[:TEXT]}
    return {**element, **begins} if question.value else element


def _option(value: str) -> Json:
    return {"text": _plain(value, OPTION), "value": value[:150]}


def _plain(text: str, limit: int) -> Json:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}
