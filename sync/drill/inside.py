"""The rules as a rehearsal plays them: nobody outside of the company is told, everything else stays as it is.

What would go outside goes to the drill's place instead, or nowhere where it has none: outside audiences, vendors, and
e-mail addresses of other companies, wherever they are named. It is done once, to the rules, so that no effect can ever
have such an address; `Marked` refuses one all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from connectors.base import Messenger
from connectors.errors import Refused
from connectors.model import Answer, Channel, Command, Form, Message, User
from rules.model import Audience, Party, Recipient, Rule, RuleSet
from sync.drill.mark import WORD


@dataclass(frozen=True, slots=True)
class Border:
    """What is outside: every e-mail address that is of none of these domains. `place` is told instead, if any."""

    domains: frozenset[str]
    place: Recipient | None = None

    @classmethod
    def of(cls, rules: RuleSet, domains: Iterable[str], place: str) -> Border:
        """The border of a company: the domains that are named, else those of the people in the rules."""
        named = frozenset(one.lower().removeprefix("@") for one in domains)
        theirs = frozenset(p.email.rpartition("@")[2].lower() for p in rules.people.values() if p.email)
        product, colon, address = place.partition(":")
        return cls(named or theirs, Recipient(product, address) if colon and address else None)

    def outside(self, address: str) -> bool:
        """Whether an address is an e-mail address outside of the company."""
        return "@" in address[1:] and address.rpartition("@")[2].lower() not in self.domains


@dataclass(frozen=True, slots=True)
class Kept:
    """Rules that tell nobody outside, and what was turned away: whom, and in which rule or table."""

    rules: RuleSet
    turned: tuple[str, ...]


def kept_inside(rules: RuleSet, border: Border) -> Kept:
    """The rules with everything turned away that would go outside."""
    gate = _Gate(rules, border)
    audiences = {name: gate.audience(one) for name, one in rules.audiences.items()}
    vendors = {name: gate.vendor(one) for name, one in rules.vendors.items()}
    departments = {name: gate.department(one) for name, one in rules.departments.items()}
    places = {name: gate.place(name, addresses) for name, addresses in rules.places.items()}
    gate.empty = frozenset(
        [f"audience:{name}" for name, one in audiences.items() if not one.to]
        + [f"vendor:{name}" for name, one in vendors.items() if not one.to]
        + [f"departments:{name}" for name, one in departments.items() if not one.to]
        + [f"place:{name}" for name, addresses in places.items() if not addresses]
    )
    made = tuple(one for rule in rules.rules if (one := gate.rule(rule)) is not None)
    defaults = replace(rules.defaults, fallback=gate.allowed(rules.defaults.fallback, "defaults.fallback"))
    company = replace(rules, audiences=audiences, vendors=vendors, departments=departments, places=places)
    inner = replace(company, rules=made, defaults=defaults)
    return Kept(inner, tuple(dict.fromkeys(gate.turned)))


class _Gate:
    """Lets recipients pass or not, and notes those that do not."""

    def __init__(self, rules: RuleSet, border: Border) -> None:
        self.rules, self.border = rules, border
        self.turned: list[str] = []
        self.empty: frozenset[str] = frozenset()

    def audience(self, one: Audience) -> Audience:
        if not one.external:
            return replace(one, to=self.allowed(one.to, f"audiences.{one.name}"))
        self.turned += [f"{to} (audiences.{one.name})" for to in one.to]
        return replace(one, to=self._instead(), external=False)

    def department(self, one: Party) -> Party:
        return replace(one, to=self.allowed(one.to, f"departments.{one.name}"))

    def vendor(self, one: Party) -> Party:
        self.turned += [f"{to} (vendors.{one.name})" for to in one.to]
        return replace(one, to=self._instead())

    def place(self, name: str, addresses: Mapping[str, str]) -> Mapping[str, str]:
        out = {product for product, address in addresses.items() if self.border.outside(address)}
        self.turned += [f"{product}:{addresses[product]} (places.{name})" for product in sorted(out)]
        return {product: address for product, address in addresses.items() if product not in out}

    def rule(self, rule: Rule) -> Rule | None:
        """A rule without those who may not be told; None where nobody is left of whom it tells."""
        changes: dict[str, Any] = {}
        for one in fields(rule):
            value = getattr(rule, one.name)
            if one.name in {"to", "invite"}:
                changes[one.name] = self.allowed(value, rule.id)
            elif one.name == "steps":
                steps = (replace(step, to=self.allowed(step.to, rule.id)) for step in value if hasattr(step, "to"))
                changes["steps"] = tuple(step for step in steps if step.to or getattr(step, "then", None))
        lost = any(getattr(rule, name) and not changes[name] for name in changes if name != "invite")
        return None if lost else replace(rule, **changes)

    def allowed(self, to: Iterable[Recipient], where: str) -> tuple[Recipient, ...]:
        made: list[Recipient] = []
        for one in to:
            if self.border.outside(one.name):
                self.turned.append(f"{one} ({where})")
                made += self._instead()
            elif str(one) not in self.empty:
                made.append(one)
        return tuple(dict.fromkeys(made))

    def _instead(self) -> tuple[Recipient, ...]:
        return (self.border.place,) if self.border.place is not None else ()


class Marked(Messenger):
    """A messenger in a rehearsal: every text says so, every channel's name too, and nothing leaves the company.

    `said` keeps the text by the product's ref, `made` every message of its own with its place: a report's evidence.
    """

    def __init__(self, inner: Messenger, border: Border) -> None:
        super().__init__(inner.name, inner.settings)
        self.inner, self._border = inner, border
        for fact in (
            "product",
            "editable",
            "searchable",
            "drops_doubles",
            "lag",
            "pace",
            "channels",
            "rings",
            "people",
        ):
            setattr(self, fact, getattr(inner, fact))  # facts of the one inside
        self.said: dict[str, str] = {}
        self.made: list[tuple[str, str]] = []

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Put it, marked. Raises Refused for an address outside."""
        if self._border.outside(place):
            raise Refused(f"could not tell {place}: it is outside of the company, and this is a drill")
        text = thing.text if thing.text.startswith(f"**{WORD}**") else f"**{WORD}** {thing.text}"
        title = f"{WORD} {thing.title}" if thing.title else ""
        made = self.inner.put(place, replace(thing, text=text, title=title), ref, key)
        self.said[made] = text
        if ref is None:
            self.made.append((made, place))
        return made

    def find(self, place: str, key: str, since: Any) -> Answer:
        """As the messenger inside."""
        return self.inner.find(place, key, since)

    def retire(self, place: str, ref: str) -> None:
        """As the messenger inside."""
        self.inner.retire(place, ref)

    def open(self, channel: Channel, key: str) -> str:
        """Open a channel whose name says that it is a drill's."""
        ref = self.inner.open(self._named(channel), key)
        self.said[ref] = self._named(channel).name
        return ref

    def arrange(self, ref: str, channel: Channel) -> None:
        """Bring it up to date; its topic says that it is a drill's."""
        named = self._named(channel)
        self.inner.arrange(ref, replace(named, topic=f"{WORD} {named.topic}".strip()))

    def answer(self, command: Command, text: str) -> None:
        """As the messenger inside."""
        self.inner.answer(command, text)

    def ask(self, command: Command, form: Form) -> None:
        """As the messenger inside."""
        self.inner.ask(command, form)

    def about(self, command: Command) -> str:
        """As the messenger inside."""
        return self.inner.about(command)

    def called(self, command: Command) -> tuple[str, ...]:
        """As the messenger inside."""
        return self.inner.called(command)

    def link(self, place: str, ref: str) -> str:
        """As the messenger inside."""
        return self.inner.link(place, ref)

    def who(self, user: User) -> User:
        """As the messenger inside."""
        return self.inner.who(user)

    def _named(self, channel: Channel) -> Channel:
        prefix = f"{WORD.lower()}-"
        name = channel.name if channel.name.startswith(prefix) else f"{prefix}{channel.name}"[:80]
        people = tuple(who for who in channel.people if not self._border.outside(who))
        return replace(channel, name=name, people=people)
