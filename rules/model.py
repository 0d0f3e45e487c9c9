"""What the administrator wrote, checked: the rules, and what the company is.

Everything here is a frozen value made by `rules.load`; nothing reads a file or a clock. Names are resolved already: a
team, person or service that a rule mentions exists. What was turned down: pydantic models as the runtime objects.
They cost a quarter of a second at start, and their errors know neither line nor column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from connectors.model import Value
from connectors.problems import Problem, Where

if TYPE_CHECKING:
    from rules.case import Case
    from rules.condition import Condition
    from rules.index import RuleIndex
    from rules.schedule import Turn
    from rules.text import Template
    from rules.vocabulary import Vocabulary

Mode: TypeAlias = Literal["off", "watch", "on"]
Type: TypeAlias = Literal["text", "number", "flag", "moment", "choice"]
Pick: TypeAlias = Literal["on-call", "least-loaded", "rotate"]
Deed: TypeAlias = Literal["unacknowledge"]

WORTH_TELLING = ("severity", "phase", "assignee")
"""The words whose change is told again where a message cannot be edited, unless its rule names others."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom to tell, as written: `on-call:team`, `person:maria`, `place:incidents`, `slack:#x`, `assignee`.

    `kind` is a way to find people or places, or a connector's name for that product's own address. The bare words
    `assignee` and `reporter` have an empty name.
    """

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a ladder: whom to call how long after its beginning, and what to say if not the rule's text.

    It is passed over where `when` is not true at its moment. `options` are offered in place of the rule's. With `then`
    nobody is called: where nobody answered the step before, that is what comes of it.
    """

    after: timedelta
    to: tuple[Recipient, ...] = ()
    text: Template | None = None
    when: Condition | None = None
    options: tuple[Template, ...] = ()
    then: Deed | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """The last step again, `times` more times, `every` so often."""

    every: timedelta
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. `mode` is already the most cautious of the whole, the kind's default and the rule's own.

    `id` is unique over all kinds; a pack's rule is called `pack.id`. `was` are the ids it had before. Without `when`
    the rule always speaks. `during` is the calendar in whose hours its effects go out. `texts` says it differently to
    an audience.
    """

    id: str
    kind: str
    where: Where
    name: str = ""
    was: tuple[str, ...] = ()
    when: Condition | None = None
    mode: Mode = "on"
    during: str | None = None
    text: Template | None = None
    texts: Mapping[str, Template] = field(default_factory=dict)
    restricted: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classify(Rule):
    """Decides fields: `set` outright, `thresholds` by a number (highest level first), `at_least` only raises."""

    set: Mapping[str, Value] = field(default_factory=dict)
    thresholds: Mapping[str, tuple[tuple[float, str], ...]] = field(default_factory=dict)
    at_least: Mapping[str, str] = field(default_factory=dict)
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Rule):
    """Decides who has the ticket: `team` is a team's name or `service.team`; then a `pick` of it, or a `person`."""

    team: str | None = None
    pick: Pick | None = None
    person: str | None = None
    skills: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(Rule):
    """Calls people until somebody acts: a ladder of steps, counted from the moment `since`, lowest first.

    With a `calendar` only its hours count. `options` are what can be done, the first is recommended.
    """

    since: str = "created"
    steps: tuple[Step, ...] = ()
    repeat: Repeat | None = None
    buttons: tuple[str, ...] = ("acknowledge", "take")
    calendar: str | None = None
    options: tuple[Template, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether it asks for a sign of life: something comes of silence."""
        return any(step.then is not None for step in self.steps)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Who is told when of a clock: `at` a share of its goal (0.5 is half), so long `before` it runs out, or `after`."""

    to: tuple[Recipient, ...]
    at: float | None = None
    before: timedelta | None = None
    after: timedelta | None = None
    text: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective(Rule):
    """A clock that must not run out: a service's own `goal`, or from `start` to `stop` `within` some time.

    While `pause` is true it stands still; with a `calendar` only its hours count. How it stands is written into the
    text field `field`.
    """

    goal: Literal["", "rto", "rpo"] = ""
    start: str = "detected"
    stop: str = "restored"
    within: timedelta | None = None
    pause: Condition | None = None
    calendar: str | None = None
    field: str | None = None
    steps: tuple[ClockStep, ...] = ()
    buttons: tuple[str, ...] = ("acknowledge", "eta", "update")

    @property
    def called(self) -> str:
        """What people call its clock: `RTO`, or the rule's own name."""
        return self.goal.upper() or self.name or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Rule):
    """Tells the audiences `to` how things are, `every` so often, whether or not anything changed.

    So long before that whoever is to post one is reminded; without `remind` a tenth of the cadence.
    """

    to: tuple[Recipient, ...] = ()
    every: timedelta = timedelta(hours=1)
    remind: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify(Rule):
    """Tells people: one message kept up to date, or with `on` a new message for each such event.

    Where a message cannot be edited it is told again only when one of the words `worth_telling` changed.
    """

    to: tuple[Recipient, ...] = ()
    on: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    worth_telling: tuple[str, ...] = WORTH_TELLING


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(Rule):
    """Holds what rules of the kinds `mutes` would do: `during` a calendar, or from one moment until another.

    Without `begin` it has always been in force, without `until` it stays so.
    """

    mutes: tuple[str, ...] = ()
    begin: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrict(Rule):
    """Closes a ticket to everybody but `to`; the other rules see it only where they say `restricted`."""

    to: tuple[Recipient, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Room(Rule):
    """Opens a channel of the ticket's own: one, or with `per` one for each team that has to do with it.

    `channel` is its name, `text` the card that is pinned in it, `links` are addresses by title. Without `products` it
    is opened wherever that is possible. It is archived so long after the ticket was resolved.
    """

    channel: Template
    topic: Template | None = None
    invite: tuple[Recipient, ...] = (Recipient("assignee"),)
    links: Mapping[str, Template] = field(default_factory=dict)
    buttons: tuple[str, ...] = ("acknowledge", "take", "resolve")
    per: Literal["", "team"] = ""
    products: tuple[str, ...] = ()
    private: bool = False
    archive_after: timedelta = timedelta(days=3)


# ---- what the company is


@dataclass(frozen=True, slots=True)
class Field:
    """A word of our own. A `choice` has `options`; where those are a scale's levels, `scale` names it."""

    name: str
    type: Type
    options: tuple[str, ...] = ()
    scale: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be assigned or told. `ids` are their ids by connector; `away` are inclusive date ranges.

    `hours` is the calendar in which they work. `absent` is when else they are away, as looked up elsewhere.
    """

    key: str
    name: str = ""
    email: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    skills: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()
    away: tuple[tuple[date, date], ...] = ()
    timezone: tzinfo | None = None
    hours: str | None = None
    absent: tuple[tuple[datetime, datetime], ...] = ()

    def __str__(self) -> str:
        return self.name or self.key


@dataclass(frozen=True, slots=True)
class Team:
    """A team: person keys, and the schedule that says who is on call."""

    name: str
    lead: str | None = None
    members: tuple[str, ...] = ()
    schedule: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else is on call from one moment until another."""

    person: str
    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who is on call: people in turn, changing at `at` each `weekday` (0 is Monday), or each day where it is None.

    `first` is a day on which the first of the rotation begins; without it turns are counted from a fixed Monday.
    `source` is where else it is kept: a connector and the schedule's name there; `shifts` are what was looked up.
    Outside the calendar `during` it is nobody; where it is nobody, the first of the `layers` that has somebody decides.
    """

    name: str
    timezone: tzinfo
    rotation: tuple[str, ...] = ()
    at: time = time(0)
    weekday: int | None = None
    first: date | None = None
    overrides: tuple[Override, ...] = ()
    source: tuple[str, str] | None = None
    shifts: tuple[Override, ...] = ()
    during: str | None = None
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the catalogue, and what must hold when it fails: `rto` and `rpo` are durations."""

    name: str
    team: str | None = None
    criticality: str | None = None
    rto: timedelta | None = None
    rpo: timedelta | None = None
    depends_on: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    vendor: str | None = None
    title: str = ""

    def __str__(self) -> str:
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class Audience:
    """A group that is told things. A text for an `external` one may use its `fields` only."""

    name: str
    to: tuple[Recipient, ...]
    external: bool = False
    fields: tuple[str, ...] = ()
    timezone: tzinfo | None = None
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """A department or a vendor: whom to tell."""

    name: str
    to: tuple[Recipient, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """A part that somebody plays in an incident, such as point of contact."""

    name: str
    title: str = ""

    def __str__(self) -> str:
        """What it is called in the middle of a sentence: `Point of contact` begins small there, `DR lead` does not."""
        title = self.title or self.name
        return title[:1].lower() + title[1:] if title[1:2].islower() else title


@dataclass(frozen=True, slots=True)
class Calendar:
    """When something is open: hours by weekday (0 is Monday), whole days in `dates`, closed on public holidays.

    A calendar of hours is closed on a day not named. A calendar of `dates` is open on those days only; both ends
    of a range count. `holidays` is a country with an optional region, such as `DE-BE`. `known` is `rules.calendar`'s:
    what it worked out already.
    """

    name: str
    timezone: tzinfo
    hours: Mapping[int, tuple[tuple[time, time], ...]] = field(default_factory=dict)
    dates: tuple[tuple[date, date], ...] = ()
    holidays: str = ""
    closed: tuple[tuple[date, date], ...] = ()
    known: dict[int, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where nothing else is said. `fallback` is told when a recipient turns out to be nobody.

    `absences` are where it is kept who is away: a connector, and the name of a feed there.
    """

    timezone: tzinfo
    fallback: tuple[Recipient, ...] = ()
    packs: tuple[str, ...] = ()
    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    absences: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """Everything the administrator wrote, checked. `rules` are in deciding order: packs, then files by name.

    `places` maps a place to its address per connector. `zones` are the time zones of recipients that have their own,
    by the recipient as written. `digest` changes whenever any text of any file does.
    """

    defaults: Defaults
    vocabulary: Vocabulary
    rules: tuple[Rule, ...] = ()
    scales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    audiences: Mapping[str, Audience] = field(default_factory=dict)
    lists: Mapping[str, tuple[Recipient, ...]] = field(default_factory=dict)
    permissions: Mapping[str, tuple[Recipient, ...]] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    vendors: Mapping[str, Party] = field(default_factory=dict)
    departments: Mapping[str, Party] = field(default_factory=dict)
    zones: Mapping[str, tzinfo] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    files: tuple[str, ...] = ()
    digest: str = ""
    warnings: tuple[Problem, ...] = ()

    def of(self, kind: str) -> tuple[Rule, ...]:
        """The rules of one kind, in deciding order."""
        return self._by_kind.get(kind, ())

    def zone(self, *recipients: str) -> tzinfo:
        """The time zone in which moments are told: that of the first of these (as written) that has its own."""
        return next((self.zones[one] for one in recipients if one in self.zones), self.defaults.timezone)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """Every rule by its id."""
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        """Today's id of every id that a rule once had."""
        return {old: rule.id for rule in self.rules for old in rule.was}

    @cached_property
    def person_by_id(self) -> Mapping[tuple[str, str], str]:
        """The key of a person by connector and their id there."""
        return {(name, id_): key for key, person in self.people.items() for name, id_ in person.ids.items()}

    @cached_property
    def person_by_email(self) -> Mapping[str, str]:
        """The key of a person by their e-mail address in small letters."""
        return {person.email.lower(): key for key, person in self.people.items() if person.email}

    @cached_property
    def turns(self) -> dict[str, tuple[Turn, ...]]:
        """Whose turn it is by schedule, as worked out lately by `rules.schedule`."""
        return {}

    @cached_property
    def index(self) -> RuleIndex:
        """Finds the rules that can hold of a ticket; built once, when first asked for."""
        from rules.index import RuleIndex

        return RuleIndex(self)

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Rule, ...]]:
        kinds: dict[str, list[Rule]] = {}
        for rule in self.rules:
            kinds.setdefault(rule.kind, []).append(rule)
        return {kind: tuple(rules) for kind, rules in kinds.items()}
