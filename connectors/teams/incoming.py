"""What Teams sends a bot, once it is believed: activities, read as commands. Makes no call and remembers nothing.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-activities. A click on
`Action.Execute` is an invoke named `adaptiveCard/action`; what is typed to the bot is a message; a team that the app
is installed in tells its name. What is none of ours is taken and means nothing.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, TypeAlias

from connectors.base import BadRequest
from connectors.model import Command, User
from connectors.teams.carried import CARD
from connectors.teams.forms import ALONE, CANCEL, answers
from connectors.teams.places import spot_from

Json: TypeAlias = dict[str, Any]

WORDS: Final = "words"
"""The verb of what a person typed."""
_AT: Final = re.compile(r"<at(?:\s[^<>]*)?>([^<]*)</at>")  # no two marks overlap, so it takes no time


@dataclass(frozen=True, slots=True)
class Reading:
    """What an activity means: at most one command.

    `invoke`: Teams waits for an answer in the body. `form` says whether the click was on a form, and of which sort;
    `message` is the ref of the message that was clicked, `card` what its button brought along, `about` its ticket;
    `cancelled`: a form was given up. `team` is one that told us of itself, with its id.
    """

    command: Command | None = None
    invoke: bool = False
    form: str = ""
    message: str = ""
    card: str = ""
    about: str = ""
    cancelled: bool = False
    team: tuple[str, str] = field(default=("", ""))


def parse(body: bytes) -> Json:
    """The activity in a body. Raises BadRequest."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest(400, "the body is not JSON") from None
    if not isinstance(told, dict):
        raise BadRequest(400, "the body is not a JSON object")
    return told


def interpret(activity: Json, source: str) -> Reading:
    """What an activity means. Raises BadRequest where it is not as Microsoft documents it."""
    kind = activity.get("type")
    try:
        if kind == "invoke":
            return _clicked(activity, source) if activity.get("name") == "adaptiveCard/action" else Reading(invoke=True)
        if kind == "message" and not activity.get("value"):
            return _typed(activity, source)
        if kind in {"conversationUpdate", "installationUpdate"}:
            return Reading(team=_team(activity))
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
        raise BadRequest(400, f"a {str(kind)[:40]} that is not as Microsoft documents it") from None
    return Reading()


def _clicked(activity: Json, source: str) -> Reading:
    """A click on one of our buttons, or on a form's. Another's button means nothing."""
    data = activity["value"]["action"].get("data") or {}
    verb, ref, form = data.get("verb"), data.get("ref"), str(data.get("form") or "")
    message, card = _message(activity), data.get(CARD)
    card, about = card if isinstance(card, str) else "", str(ref or "")
    if form and verb == CANCEL:
        return Reading(invoke=True, form=form, message=message, card=card, about=about, cancelled=True)
    if not isinstance(verb, str) or not isinstance(ref, str) or not verb:
        return Reading(invoke=True)
    command = _command(activity, source, ref, verb, answers(data) if form else {})
    if form != ALONE:  # such a form is a message of its own
        command = replace(command, clicked=message)
    if form and data.get("for"):
        person = sha256(f"{command.by.id} {data['for']}".encode("utf-8", "replace")).hexdigest()[:24]
        command = replace(command, id=f"form.{person}")  # sent twice it is one act; nobody else's is taken by it
    return Reading(command, invoke=True, form=form, message=message, card=card, about=about)


def _typed(activity: Json, source: str) -> Reading:
    """What a person typed to the bot, as it is. A greeting of nothing at all asks for help."""
    return Reading(_command(activity, source, "", WORDS, {"text": _text(activity) or "help"}))


def _text(activity: Json) -> str:
    """What was typed, without the mention of the bot; other people mentioned become their ids."""
    bot = str((activity.get("recipient") or {}).get("id") or "")
    people = {
        html.unescape(_AT.sub(r"\1", str(each.get("text") or ""))): str((each.get("mentioned") or {}).get("id") or "")
        for each in activity.get("entities") or ()
        if each.get("type") == "mention"
    }

    def instead(found: re.Match[str]) -> str:
        id_ = people.get(html.unescape(found[1]), bot)
        return " " if id_ == bot else f" {id_} "

    said = html.unescape(_AT.sub(instead, str(activity.get("text") or "")))
    return said.replace("\xa0", " ").strip()


def _command(activity: Json, source: str, ref: str, verb: str, args: Mapping[str, str]) -> Command:
    """`reply` is the id of the conversation, of a channel's with its thread."""
    by, place = activity["from"], str(activity["conversation"]["id"])
    person = User(str(by.get("aadObjectId") or by["id"]), str(by.get("name") or ""))
    return Command(ref, verb, person, source, dict(args), place, _at(activity), str(activity["id"]))


def _message(activity: Json) -> str:
    """The ref of the message that was clicked; empty where that is not said."""
    clicked = str(activity.get("replyToId") or "")
    return spot_from(str(activity["conversation"]["id"])).ref(clicked) if clicked else ""


def _at(activity: Json) -> datetime | None:
    said = activity.get("timestamp")
    at = datetime.fromisoformat(said) if isinstance(said, str) else None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None


def _team(activity: Json) -> tuple[str, str]:
    team = (activity.get("channelData") or {}).get("team") or {}
    return str(team.get("name") or ""), str(team.get("id") or "")
