"""A ticket of Jira's own JSON that somebody copied, read without asking anybody: for trying rules out.

What only the site could tell is done without: a field is read by its shape (or by `schema`, where the JSON was asked
for with it), a status by the category that stands beside it, an earlier status by the configuration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.errors import Refused
from connectors.jira import shapes
from connectors.jira.client import Client
from connectors.jira.fields import Fields, moment
from connectors.jira.history import History
from connectors.jira.issues import Issues
from connectors.jira.people import People
from connectors.jira.phases import Phases
from connectors.jira.settings import JiraSettings
from connectors.model import Ticket
from connectors.shapes import misshapen

TRIED = "could not read this as a ticket of Jira"


def pasted(said: Mapping[str, Any], settings: JiraSettings, name: str) -> Ticket:
    """The ticket: as `GET issue/KEY` answers it, as the one of a search, or as a webhook carries it. Raises Refused."""
    raw = _issue(said)
    wrong = misshapen(raw, shapes.TICKET)
    if wrong:
        raise Refused(f"{TRIED}: {wrong}; copy the answer of /rest/api/2/issue/KEY?expand=changelog")
    try:
        return _read(raw, settings, name)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(f"{TRIED}: a value in it is not as Jira writes it ({error})") from None


def _issue(said: Mapping[str, Any]) -> Any:
    several = said.get("issues")
    if isinstance(several, list) and several:
        return several[0]
    return said.get("issue", said)


def _read(raw: Mapping[str, Any], settings: JiraSettings, name: str) -> Ticket:
    told = raw["fields"]
    cloud = isinstance(told.get("description"), dict) or "accountId" in (told.get("reporter") or {})
    client = Client(settings.model_copy(update={"deployment": "cloud" if cloud else "datacenter"}), name)
    people = People(client)
    schema, names = raw.get("schema") or {}, raw.get("names") or {}
    listed = {id_: {"name": names.get(id_), "schema": schema.get(id_)} for id_ in {*schema, *names}}
    fields = Fields(settings, client, people, listed)
    history = History(settings, fields, Phases(settings, client, asks=False), people)
    log, comments = raw.get("changelog") or {}, (told.get("comment") or {}).get("comments") or ()
    entries = log.get("histories") or ()
    whole = "changelog" in raw and len(entries) >= int(log.get("total") or 0)
    known = None if whole else moment(told["updated"]) + timedelta(milliseconds=1)
    return Issues(settings.url, name, history).read(raw, entries, comments, known)
