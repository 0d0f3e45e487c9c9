"""The names and types that a condition may use, known before any ticket is read.

`rules.load` builds one from the file's tables. Everything that names something is closed: a team, a person, a level
or an option that was not declared is a mistake when loaded, never a comparison that is quietly false.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from connectors.model import PHASES

if TYPE_CHECKING:
    from rules.model import Field

Kind: TypeAlias = Literal["text", "number", "flag", "moment", "duration", "choice", "user", "list", "entry"]

SERVICE_ATTRIBUTES = ("name", "team", "criticality", "rto", "rpo", "departments", "vendor", "depends_on")
"""What may be asked of a service, as `service.team`."""

RESERVED = frozenset({"lists", "mentions", "matches", "during", "now", "true", "false", "none", "null"})
"""Names that mean something else in a condition, so that no field may be called so."""


@dataclass(frozen=True, slots=True)
class Type:
    """What a word holds.

    A `choice` is one of its `options`, a `list` holds texts (some of the `options`, where `sort` names them), a `user`
    compares with the people in `options`, an `entry` has `attributes`. `sort` is what one option is called: level,
    option, phase, team. A choice with a `scale` is ordered by it, lowest first.
    """

    kind: Kind
    sort: str = ""
    options: tuple[str, ...] = ()
    scale: str = ""
    attributes: Mapping[str, Type] = field(default_factory=dict)


TEXT, NUMBER, FLAG, MOMENT = Type("text"), Type("number"), Type("flag"), Type("moment")
DURATION = Type("duration")
_SIMPLE: Mapping[str, Type] = {"text": TEXT, "number": NUMBER, "flag": FLAG, "moment": MOMENT}
_TEXTS = ("summary", "description", "text", "kind", "key", "url", "project", "status", "hold_reason")
_MOMENTS = ("created", "updated", "acknowledged", "detected", "restored", "eta", "last_recovery_point")
_SCALE = ("low", "medium", "high")


def choice(sort: str, options: Collection[str], scale: str = "") -> Type:
    """The type of a word that is one of these options."""
    return Type("choice", sort, tuple(options), scale)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word with its type, each list with its entries (as written), and the names of the calendars."""

    words: Mapping[str, Type]
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    calendars: frozenset[str] = frozenset()

    @classmethod
    def standard(
        cls,
        scales: Mapping[str, tuple[str, ...]] | None = None,
        fields: Mapping[str, Field] | None = None,
        names: Mapping[str, Collection[str]] | None = None,
        lists: Mapping[str, Collection[object]] | None = None,
    ) -> Vocabulary:
        """The words of every ticket, and those that the administrator declared.

        `names` are those given in the file, by sort: team, person, service, department, vendor, role, calendar. A role
        is a word that holds a user. Without a scale `severity` the levels are low, medium and high.
        """
        scales, named = {"severity": _SCALE, **(scales or {})}, dict(names or {})
        words = dict.fromkeys(_TEXTS, TEXT) | dict.fromkeys(_MOMENTS, MOMENT)
        user = Type("user", "person", tuple(named.get("person", ())))
        words |= dict.fromkeys(named.get("role", ()), user)
        words |= {
            "labels": Type("list"),
            "hold": FLAG,
            "phase": choice("phase", PHASES),
            "severity": choice("level", scales["severity"], "severity"),
            "team": choice("team", named.get("team", ())),
            "assignee": user,
            "reporter": user,
            "service": _service(scales, named),
        }
        words |= {word: _declared(one) for word, one in (fields or {}).items()}
        listed = {name: frozenset(map(str, entries)) for name, entries in (lists or {}).items()}
        return cls(words, listed, frozenset(named.get("calendar", ())))

    def type_of(self, word: str) -> Type | None:
        """The type of a word or of an attribute (`service.team`); None where there is none such."""
        name, _, attribute = word.partition(".")
        type_ = self.words.get(name)
        return type_.attributes.get(attribute) if type_ is not None and attribute else type_

    def sorts(self, option: str) -> tuple[str, ...]:
        """What an option could be meant as (level, team, phase…), for a hint; empty where it is none."""
        own = [t for word in self.words.values() for t in (word, *word.attributes.values())]
        return tuple(dict.fromkeys(t.sort for t in own if t.sort and option in t.options))


def _declared(one: Field) -> Type:
    if one.type == "choice":
        return choice("level" if one.scale else "option", one.options, one.scale or "")
    return _SIMPLE[one.type]


def _service(scales: Mapping[str, tuple[str, ...]], names: Mapping[str, Collection[str]]) -> Type:
    services = tuple(names.get("service", ()))
    attributes = {
        "name": choice("service", services),
        "team": choice("team", names.get("team", ())),
        "criticality": choice("level", scales.get("criticality", ()), "criticality"),
        "rto": DURATION,
        "rpo": DURATION,
        "departments": Type("list", "department", tuple(names.get("department", ()))),
        "vendor": choice("vendor", names.get("vendor", ())),
        "depends_on": Type("list", "service", services),
    }
    return Type("entry", "service", services, attributes=attributes)
