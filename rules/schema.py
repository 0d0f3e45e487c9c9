"""The language of rule files as JSON Schema, for editors: the first line `#:schema ./rules.schema.json` finds it.

It is published as `schema/rules.schema.json`; `pointman schema rules` prints it.

It is made of the same description that files are read by, so it cannot say anything else. It knows shapes and our own
words; the names that a company gives are checked by `pointman check`, which knows all files.
"""

from __future__ import annotations

from collections.abc import Mapping

from rules.language import DEFAULTS, KINDS, TABLES, TEST
from rules.values import Schema

ABOUT: Mapping[str, str] = {
    "defaults": "What holds where nothing else is said: the time zone, the packs, the keys of every rule of a kind.",
    "scales": "Ordered levels, the least first: severity is low < medium < high if nothing else is said.",
    "fields": "What a ticket holds besides the words that Pointman knows.",
    "places": "Where many people read: a name, and its address in each product.",
    "calendars": "Opening hours and holidays.",
    "schedules": "Who is on call when: people in turn.",
    "people": "Who there is, and how each is reached; an e-mail address is enough.",
    "teams": "Who works together, who leads, who is on call.",
    "services": "What can break: who looks after it, and how much hangs on it.",
    "vendors": "Other companies that deliver something.",
    "departments": "Who in the company uses the services.",
    "roles": "Parts that people take in an incident, such as commander.",
    "permissions": "Who may click or command what; a verb not named is for everybody.",
    "lists": "Named lists of people, for conditions such as: reporter in lists.vip.",
    "audiences": "Groups that are told the same, with the words that they may be told.",
    "restrict": "Closes a ticket to everybody but these.",
    "classify": "Decides fields, such as how bad it is. Of the rules for one field, the first that matches decides.",
    "assign": "Decides the team, and who of it has the ticket.",
    "task": "Makes tasks of what is to be done.",
    "channel": "Opens a channel of its own for a ticket.",
    "escalate": "Calls people, step by step, for as long as the condition holds.",
    "objective": "Runs a clock against a goal, and warns before and after it.",
    "notify": "Tells people: one message that is kept up to date, or with `on` a new one for each event.",
    "update": "Tells people how it stands, at regular times.",
    "publish": "Keeps pages about the ticket.",
    "mute": "Keeps kinds of rule quiet for a time.",
    "change": 'What is different in a rule of a pack: [change."incident.card"].',
    "test": "What the rules are expected to decide for a ticket: `pointman test` holds them to it.",
}
"""What each table and each kind of rule is for: shown where an editor points at its name."""


def schema() -> Schema:
    """JSON Schema (draft 7) of one rule file."""
    defaults = {**DEFAULTS.schema()}
    defaults.pop("required", None)  # another file may give it
    properties: Schema = {"defaults": defaults}
    properties |= {table: kind.schema() for table, kind in TABLES.items()}
    properties |= {kind: _many(record.schema()) for kind, record in KINDS.items()}
    properties["change"] = {
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": True},
    }
    properties["test"] = _many(TEST.schema())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of Pointman",
        "type": "object",
        "properties": {name: {**one, "description": ABOUT[name]} for name, one in properties.items()},
        "additionalProperties": False,
    }


def of_packs() -> Schema:
    """JSON Schema (draft 7) of one pack: rules only, each with what it needs of the administrator's tables."""
    needs = {
        "type": "array",
        "items": {"type": "string", "pattern": "^[a-z]+\\..+$"},
        "description": "entries of tables, such as lists.vip: the rule is left out where one of them is missing",
    }
    kinds = {kind: record.schema() for kind, record in KINDS.items()}
    for each in kinds.values():
        each["properties"]["needs"] = needs
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A pack of rules for Pointman",
        "type": "object",
        "properties": {kind: {**_many(each), "description": ABOUT[kind]} for kind, each in kinds.items()},
        "additionalProperties": False,
    }


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}
