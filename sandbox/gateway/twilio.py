"""Twilio's calls and short messages: https://www.twilio.com/docs/voice/api/call-resource, /docs/messaging/api.

Every request makes a new one: nothing tells a double from a second call. One that rings can be cancelled; of one that
is over it is said that it is not in progress.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from sandbox.gateway.state import Spoken
from sandbox.http import Answer, Asked

if TYPE_CHECKING:
    from sandbox.gateway.state import GatewayState

NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_TWIML: Final = 4_000
LONGEST_MESSAGE: Final = 1_600


def take(state: GatewayState, asked: Asked) -> Answer:
    """Answer for one account."""
    parts = asked.path.removeprefix("/2010-04-01/Accounts/").removesuffix(".json").split("/")
    account = parts[0]
    right = base64.b64encode(f"{account}:{state.accounts.get(account)}".encode()).decode()
    if account not in state.accounts or asked.headers.get("authorization") != f"Basic {right}":
        return _failed(401, 20003, "Authenticate")
    if len(parts) == 1:
        return Answer(200, {"sid": account, "status": "active"})
    if asked.method != "POST" or asked.headers.get("content-type") != "application/x-www-form-urlencoded":
        return _failed(405, 20004, "Method not allowed")
    given = {name: values[0] for name, values in parse_qs(asked.body.decode(), keep_blank_values=True).items()}
    if len(parts) == 3:
        return _changed(state, parts[2], given.get("Status", ""))
    return _called(state, given) if parts[1] == "Calls" else _messaged(state, given)


def _called(state: GatewayState, given: dict[str, str]) -> Answer:
    wrong = _numbers(state, given)
    if wrong is not None:
        return wrong
    try:
        told = ET.fromstring(given.get("Twiml", ""))  # noqa: S314  (it is our own connector's)
    except ET.ParseError:
        return _failed(400, 12100, "Document parse failure")
    if told.tag != "Response" or len(given["Twiml"]) > LONGEST_TWIML:
        return _failed(400, 21203, "Invalid TwiML")
    said = " ".join("".join(say.itertext()) for say in told.iter("Say"))
    answer = _made(state, given, "CA", said, "queued")
    state.spoken[-1].action = next((gather.get("action", "") for gather in told.iter("Gather")), "")
    return answer


def _messaged(state: GatewayState, given: dict[str, str]) -> Answer:
    wrong = _numbers(state, given)
    if wrong is not None:
        return wrong
    if not given.get("Body") or len(given["Body"]) > LONGEST_MESSAGE:
        return _failed(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    return _made(state, given, "SM", given["Body"], "sent")


def _numbers(state: GatewayState, given: dict[str, str]) -> Answer | None:
    if not NUMBER.fullmatch(given.get("To", "")):
        return _failed(400, 21211, f"Invalid 'To' Phone Number: {given.get('To', '')}")
    if given.get("From", "") not in state.numbers:
        return _failed(400, 21212, "Invalid 'From' Phone Number")
    return None


def _made(state: GatewayState, given: dict[str, str], prefix: str, text: str, status: str) -> Answer:
    made = Spoken(f"{prefix}{len(state.spoken):032x}", given["To"], given["From"], text, status)
    state.spoken.append(made)
    state.ring("twilio", made.to, text)
    return Answer(201, {"sid": made.sid, "status": made.status, "to": made.to, "from": made.sender})


def _changed(state: GatewayState, sid: str, status: str) -> Answer:
    found = next((one for one in state.spoken if one.sid == sid), None)
    if found is None:
        return _failed(404, 20404, f"The requested resource /Calls/{sid}.json was not found")
    if status not in {"canceled", "completed"}:
        return _failed(400, 21218, "Invalid status")
    if found.status not in {"queued", "in-progress"}:
        return _failed(400, 21220, "Call is not in-progress. Cannot redirect.")
    if found.status == "queued" or status == "completed":
        found.status = status
    return Answer(200, {"sid": found.sid, "status": found.status})


def _failed(status: int, code: int, said: str) -> Answer:
    info = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": said, "more_info": info, "status": status})
