"""The language of rule files: every table and every kind of rule with its keys, once.

`rules.load` reads files by it and `rules.schema` tells it to editors. What a rule or a table becomes, and what must
hold between its keys, is in `rules.building`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rules.events import KINDS as EVENTS
from rules.expectations import Expectation, Rows, TicketWords
from rules.hours import Hours
from rules.outcomes import Floors, Setting, Thresholds
from rules.pack import PACKS
from rules.references import (
    EMAIL,
    ID,
    MOMENTS,
    Addressed,
    Changing,
    Clickable,
    Instant,
    Level,
    Name,
    Share,
    Source,
    TeamOf,
    To,
)
from rules.sayings import Prose, Texts, When
from rules.values import (
    Choice,
    Dates,
    Day,
    Due,
    Duration,
    Flag,
    Key,
    ListOf,
    Moment,
    Number,
    Record,
    Schema,
    TableOf,
    Text,
    Zone,
)

VERBS = (
    "acknowledge", "unacknowledge", "confirm", "take", "assign", "escalate", "raise", "lower", "severity", "update",
    "comment", "hold", "resume", "eta", "cadence", "skip", "pause", "snooze", "override", "claim", "handover",
    "resolve", "declare", "mine", "status", "next", "why", "help",
)  # fmt: skip
"""What a person can ask for with a button or a command."""

ASKING = ("mine", "status", "next", "why", "help")
"""Those that change nothing: everybody who is known may ask."""

PLACELESS = ("declare", "mine", "help")
"""Those that are about no ticket, so that no ticket's message has a button for them."""

LATER_VERBS = ("approve",)
DEEDS = ("unacknowledge",)
"""What a step can do by itself, in place of calling somebody."""
MODES = ("off", "watch", "on")
RECIPIENTS = ListOf(To())
_ID = Text("an id of letters, digits, - and _", ID)
_NAME = Text("a name of letters, digits, - and _", ID)
_WORD = Text("a word of small letters, digits and _", "[a-z][a-z0-9_]*")
_TITLE = Key(Text(), "what people call it")
_MODE = Key(Choice("mode", MODES), "off, watch (tells only what it would have done), or on")
_TO = Key(RECIPIENTS, "whom to tell", required=True)
_TOLD = Key(ListOf(To(rooms=True)), "whom to tell", required=True)
_TEXT = Key(Prose(), "what to say, in Markdown")
_TEXTS = Key(Texts(), "what to say to an audience instead")
_BUTTONS = ListOf(Clickable(tuple(verb for verb in VERBS if verb not in PLACELESS)))
_CALENDAR = Key(Name("calendar"), "counted in the hours of this calendar")

_EVERY = {
    "id": Key(_ID, "unique over all rules; it stays when the name changes", required=True),
    "name": Key(Text(), "what people call the rule"),
    "was": Key(ListOf(_ID), "ids the rule had before"),
    "when": Key(When(), "the condition; without it the rule always holds"),
    "mode": _MODE,
    "during": Key(Name("calendar"), "when effects go out"),
    "restricted": Key(Flag(), "whether it also sees restricted tickets"),
}
_SILENT = {key: kind for key, kind in _EVERY.items() if key != "during"}
_DECIDING = {key: kind for key, kind in _SILENT.items() if key != "restricted"}
_NOT_CLOSED = {"restricted": "a restrict rule sees every ticket", "during": "it holds at all hours"}
_NOT_DURING = {"during": 'a field is decided at all hours; write during(created, "…") in the condition'}


def _speaking(keys: Mapping[str, Key]) -> Record:
    return Record({**_EVERY, "text": _TEXT, "texts": _TEXTS, **keys})


def _deciding(keys: Mapping[str, Key]) -> Record:
    force = {"force": Key(Flag(), "also over what a person decided")}
    return Record({**_SILENT, **keys, **force}, hints=_NOT_DURING)


_OPTIONS = Key(ListOf(Prose()), "what can be done; the first is recommended")


@dataclass(frozen=True)
class _Step(Record):
    """A step of a ladder: it calls somebody, or something comes of it that nobody answered."""

    def _schema(self) -> Schema:
        return {**Record._schema(self), "anyOf": [{"required": ["to"]}, {"required": ["then"]}]}


_STEP = _Step(
    {
        "after": Key(Duration(), "how long after", required=True),
        "to": Key(ListOf(To(rooms=True)), "whom to tell"),
        "text": _TEXT,
        "when": Key(When(), "it is passed over where this is not true at its moment"),
        "options": _OPTIONS,
        "then": Key(Choice("deed", DEEDS), "what comes of it where nobody answered the step before"),
    }
)


@dataclass(frozen=True)
class _Repeat(Record):
    """How often the last step of a ladder comes again."""

    wanted: ClassVar[str] = 'a table such as { every = "30m", times = 3 }'


_REPEAT = _Repeat(
    {
        "every": Key(Duration(), "how often the last step comes again", required=True),
        "times": Key(Number(1, 200, whole=True), "how many times", required=True),
    }
)
_CLOCK_STEP = Record(
    {
        "at": Key(Share(), "at this share of the goal"),
        "before": Key(Duration(), "so long before the breach"),
        "after": Key(Duration(), "so long after the breach"),
        "to": _TO,
        "text": _TEXT,
    }
)
_TASK_STEP = Record(
    {
        "id": Key(_ID, "unique in this rule", required=True),
        "title": Key(Prose(), "what is to be done", required=True),
        "text": _TEXT,
        "team": Key(TeamOf(), "who does it"),
        "person": Key(Name("person"), "who does it"),
        "due": Key(Due(), "by when: a duration, or a share of the service's goal"),
        "follows": Key(ListOf(_ID), "steps that must be done before"),
    }
)

SINCE = Instant("moment", MOMENTS)

KINDS: Mapping[str, Record] = {
    "restrict": Record({**_DECIDING, "to": Key(RECIPIENTS, "who alone hears of it", required=True)}, hints=_NOT_CLOSED),
    "classify": _deciding(
        {
            "set": Key(Setting(), "fields and what they become; the first rule that matches decides"),
            "thresholds": Key(Thresholds(), "the severity by a number: the highest level reached"),
            "at_least": Key(Floors(), "only raises, whatever was decided before"),
        }
    ),
    "assign": _deciding(
        {
            "team": Key(TeamOf(), "a team, or service.team"),
            "pick": Key(Choice("pick", ("on-call", "least-loaded", "rotate")), "how a person of the team is chosen"),
            "person": Key(Name("person"), "this person"),
            "skills": Key(ListOf(Name("skill")), "only people who have all of these"),
        }
    ),
    "task": _speaking({"to": _TO, "steps": Key(ListOf(_TASK_STEP), "what is to be done", required=True)}),
    "channel": _speaking(
        {
            "channel": Key(Prose(), "what the channel is called", required=True),
            "topic": Key(Prose(), "what stands above it"),
            "invite": Key(ListOf(To(places=False), 0), "who is invited: the assignee, unless it says otherwise"),
            "links": Key(TableOf(Prose(), Text("a title")), "addresses that are linked above it, beside the ticket"),
            "buttons": Key(_BUTTONS, "what can be clicked under its card"),
            "per": Key(Choice("per", ("team",)), "one for each team that has to do with it"),
            "products": Key(ListOf(Name("connector")), "where it is opened; everywhere, where it does not say"),
            "private": Key(Flag(), "only who is invited sees it"),
            "archive_after": Key(Duration(), "how long after the ticket was resolved it is archived; 3d"),
        }
    ),
    "escalate": _speaking(
        {
            "since": Key(SINCE, "from when the steps are counted"),
            "steps": Key(ListOf(_STEP), "whom to call after how long", required=True),
            "repeat": Key(_REPEAT, "the last step again"),
            "buttons": Key(_BUTTONS, "what can be clicked: acknowledge and take, unless it says otherwise"),
            "calendar": _CALENDAR,
            "options": _OPTIONS,
        }
    ),
    "objective": _speaking(
        {
            "goal": Key(Choice("goal", ("rto", "rpo")), "the service's own"),
            "start": Key(SINCE, "when the clock starts"),
            "stop": Key(SINCE, "when the clock stops"),
            "within": Key(Duration(), "how long it may take"),
            "pause": Key(When(), "the clock stands still while this condition is true, such as hold"),
            "calendar": _CALENDAR,
            "field": Key(Name("field"), "a text field of the ticket in which is written how the clock stands"),
            "steps": Key(ListOf(_CLOCK_STEP), "who is warned when", required=True),
            "buttons": Key(_BUTTONS, "what can be clicked: acknowledge, eta and update, unless it says otherwise"),
        }
    ),
    "notify": _speaking(
        {
            "to": _TOLD,
            "on": Key(
                ListOf(Instant("event", EVENTS)), "news of these; without it one message that is kept up to date"
            ),
            "buttons": Key(_BUTTONS, "what can be clicked"),
            "worth_telling": Key(
                ListOf(Changing(), 0),
                "words whose change is told again where a message cannot be edited: severity, phase and assignee, "
                "unless it says otherwise",
            ),
        }
    ),
    "update": _speaking(
        {
            "to": _TOLD,
            "every": Key(Duration(), "how often, changed or not", required=True),
            "remind": Key(Duration(), "how long before, whoever is to post one is reminded; a tenth of `every`"),
        }
    ),
    "publish": _speaking(
        {
            "to": _TO,
            "pages": Key(ListOf(Choice("page", ("timeline", "post-incident-review"))), "which pages", required=True),
        }
    ),
    "mute": Record(
        {
            **_EVERY,
            "mutes": Key(
                ListOf(
                    Choice("kind to mute", ("task", "channel", "escalate", "objective", "notify", "update", "publish"))
                ),
                "the kinds of rule that keep quiet",
                required=True,
            ),
            "from": Key(Moment(), "from this moment"),
            "until": Key(Moment(), "until this moment"),
            "timezone": Key(Zone(), "of from and until, where they name none"),
        }
    ),
}
"""Every kind of rule, in deciding order save `restrict`, which runs after classify; `mute` holds the others."""

NOT_YET = ("task", "publish")
"""Kinds whose rules are checked, and come with a later version."""

# ---- what the company is

_PARTY = Record({"to": _TO, "title": _TITLE})
_OVERRIDE = Record(
    {
        "person": Key(Name("person"), "who is on call instead", required=True),
        "from": Key(Moment(), "from this moment", required=True),
        "until": Key(Moment(), "until this moment", required=True),
    }
)
_PERSON = Addressed(
    {
        "name": Key(Text(), "what people call them"),
        "email": Key(EMAIL, "their e-mail address"),
        "skills": Key(ListOf(Text("a skill")), "what they know"),
        "reach": Key(ListOf(Name("connector")), "how they are told, first choice first"),
        "away": Key(ListOf(Dates()), "days on which they are not there"),
        "hours": Key(Name("calendar"), "when they work: outside of it others are assigned"),
        "timezone": Key(Zone(), "where they live"),
    }
)
_DAY = Text(
    "a day or a range of days such as mon-thu", "(?:mon|tue|wed|thu|fri|sat|sun)(?:-(?:mon|tue|wed|thu|fri|sat|sun))?"
)

TABLES: Mapping[str, TableOf] = {
    "scales": TableOf(ListOf(_NAME, 2), _WORD),
    "fields": TableOf(
        Record(
            {
                "type": Key(
                    Choice("type", ("text", "number", "flag", "moment", "choice")), "what it holds", required=True
                ),
                "options": Key(ListOf(Text("an option")), "of a choice"),
                "scale": Key(Name("scale"), "whose levels are the options"),
            }
        ),
        _WORD,
    ),
    "places": TableOf(Addressed({"timezone": Key(Zone(), "where it is read")}), _NAME),
    "calendars": TableOf(
        Record(
            {
                "hours": Key(TableOf(Hours(), _DAY, least=1), "by day; a day not named is closed"),
                "dates": Key(ListOf(Dates()), "only these days, both ends counted"),
                "closed": Key(ListOf(Dates()), "closed all the same"),
                "holidays": Key(
                    Text('a country, or a region of it, such as "DE-BE"', "[A-Z]{2}(?:-[A-Z0-9]{1,3})?"),
                    "closed on public holidays of",
                ),
                "timezone": Key(Zone(), "of the hours"),
            }
        ),
        _NAME,
    ),
    "schedules": TableOf(
        Record(
            {
                "rotation": Key(ListOf(Name("person")), "people in turn"),
                "handover": Key(
                    Text(
                        'a handover such as "Mon 09:00", or "09:00" for each day',
                        "(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?(?:[01][0-9]|2[0-3]):[0-5][0-9]",
                    ),
                    "when the next takes over",
                ),
                "from": Key(Source(), "where it is kept instead; the rotation is for when nobody is found there"),
                "layers": Key(ListOf(Name("schedule")), "schedules of which the first that has somebody decides"),
                "during": Key(Name("calendar"), "outside of these hours it is nobody, but for overrides"),
                "first": Key(Day(), "a day on which the first of the rotation begins"),
                "overrides": Key(ListOf(_OVERRIDE), "somebody else for a while"),
                "timezone": Key(Zone(), "of the handover"),
            }
        ),
        _NAME,
    ),
    "people": TableOf(_PERSON, _NAME),
    "teams": TableOf(
        Record(
            {
                "lead": Key(Name("person"), "who leads it"),
                "members": Key(ListOf(Name("person")), "who is in it"),
                "schedule": Key(Name("schedule"), "who is on call"),
                "title": _TITLE,
            }
        ),
        _NAME,
    ),
    "services": TableOf(
        Record(
            {
                "title": _TITLE,
                "team": Key(Name("team"), "who looks after it"),
                "criticality": Key(Level("criticality"), "how much hangs on it"),
                "rto": Key(Duration(), "how soon it must be back"),
                "rpo": Key(Duration(), "how much data may be lost, as time"),
                "depends_on": Key(ListOf(Name("service")), "services it needs"),
                "departments": Key(ListOf(Name("department")), "who uses it"),
                "vendor": Key(Name("vendor"), "who delivers it"),
            }
        ),
        _NAME,
    ),
    "vendors": TableOf(_PARTY, _NAME),
    "departments": TableOf(_PARTY, _NAME),
    "roles": TableOf(Record({"title": _TITLE}), _WORD),
    "permissions": TableOf(
        ListOf(To(places=False)), Choice("verb", tuple(v for v in (*VERBS, *LATER_VERBS) if v not in ASKING))
    ),
    "lists": TableOf(ListOf(To(places=False)), _WORD),
    "audiences": TableOf(
        Record(
            {
                "to": _TO,
                "external": Key(Flag(), "outside the company: texts may use its fields only"),
                "fields": Key(ListOf(Name("word of a text")), "what an external audience may be told"),
                "timezone": Key(Zone(), "in which it is told moments"),
                "calendar": Key(Name("calendar"), "when it is told"),
            }
        ),
        _NAME,
    ),
}
"""Every table of what the company is, in the order in which they are read."""

DEFAULTS = Record(
    {
        "timezone": Key(Zone(), "of every text, calendar and schedule that names none", required=True),
        "fallback": Key(ListOf(To(), 0), "told when a recipient turns out to be nobody"),
        "packs": Key(ListOf(Choice("pack", PACKS), 0), "ready-made rules to begin with"),
        "absences": Key(ListOf(Source()), "calendars that say who is away"),
        **{
            kind: Key(
                Record({k: Key(v.kind, v.about) for k, v in record.keys.items() if k not in {"id", "was", "name"}}),
                f"keys for every {kind} rule that does not say otherwise",
            )
            for kind, record in KINDS.items()
        },
    }
)

_HAPPENING = Record(
    {
        "after": Key(Duration(), "how long after the ticket was made", required=True),
        "by": Key(Name("person"), "who does it"),
        "set": Key(TicketWords(later=True), "words that they change"),
        "acknowledge": Key(Flag(), "that they take care of it; false takes it back"),
        "comment": Key(Text(), "what they write on the ticket"),
        "update": Key(Text(), "the update that they post"),
        "expect": Key(Expectation(), "what follows from that"),
    }
)

TEST = Record(
    {
        "name": Key(Text(), "what is claimed", required=True),
        "ticket": Key(TicketWords(), "the ticket's words"),
        "expect": Key(Expectation(), "words, and who is called and told"),
        "then": Key(ListOf(_HAPPENING), "what happens later"),
        "table": Key(Rows(), "many tickets: a row of headings, then a row for each"),
    }
)
