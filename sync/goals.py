"""A person gives a clock of a ticket another goal, and says why: `override OPS-42 rto 6h because the vendor is slow`.

It is an act like any other: it stands in the log with its reason, and the clock is read off the ticket with it. What
was told for the old moment is not told again unless the new one is later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.problems import nearest
from rules import duration
from rules.clock import OWN, Clock
from rules.model import Objective
from rules.past import holds
from rules.text import inert
from sync.asked import Asked, Sorry, Wish
from sync.ledger import Ledger
from sync.moments import span
from sync.persons import sentence
from sync.plan import make_plan

LONGEST_REASON: Final = 200
LONGEST_SAID: Final = 60
ITS_OWN: Final = frozenset({OWN, "own", "normal", "off", "none", "back", "reset"})
"""What people write who want the goal of the rule again."""
_BECAUSE: Final = frozenset({"because", "since", "as", "reason", "reason:", ":", "-", "–"})
_LONGEST_GOAL: Final = 5
"""Words: `1 hour and 30 minutes`."""
_SMALL: Final = frozenset({"the", "to", "is", "be", "=", "goal", "of"})


def override(asked: Asked) -> Wish:
    """Another goal for a clock. Raises Sorry where there is no such clock, it is over, or the goal is none."""
    rule, said = _rule(asked), asked.arg("within")
    within = _goal(said)
    if within is None:
        raise Sorry(f"{inert(said[:LONGEST_SAID])} is no goal; write it as 6h, as 1h30m, or as {OWN}.")
    reason = " ".join(asked.arg("reason").split())[:LONGEST_REASON]
    before = _clocks(asked, asked.ledger).get(rule.id)
    if before is not None and before.stopped is not None and rule.goal != "rpo":
        raise Sorry(f"{_line(before, asked)}: that clock of {asked.ticket.key} is over.")
    act = asked.act("override", {"objective": rule.id, "within": within, "reason": reason})
    after = _clocks(asked, asked.ledger.with_act(act)).get(rule.id)
    if before is not None and after is not None and before.goal == after.goal:
        raise Sorry(f"{_line(before, asked)}: that is the goal of {asked.ticket.key} already.")
    now = _line(after, asked) if after is not None else f"{rule.name or rule.id} has no goal"
    return Wish(f"{asked.ticket.key} now: {now}.", acts=(act,))


def spoken(said: str) -> dict[str, str]:
    """What a person means by what follows the verb: `rto 6h because the vendor is slow`."""
    words = said.split()
    places = ((begin, begin + size) for begin in range(len(words)) for size in range(_LONGEST_GOAL, 0, -1))
    begin, end = next((at for at in places if _goal(_bare(words[slice(*at)])) is not None), (len(words), len(words)))
    rest = words[end:]
    while rest and rest[0].lower().rstrip(",") in _BECAUSE:
        rest = rest[1:]
    name = " ".join(word for word in words[:begin] if word.lower() not in _SMALL)
    found = {"objective": name, "within": _bare(words[begin:end]), "reason": " ".join(rest)}
    return {word: value for word, value in found.items() if value}


def _bare(words: Sequence[str]) -> str:
    return " ".join(words).strip(",;:. ")


def _goal(said: str) -> str | None:
    """The goal that a text means, as a rule would write it; `default` for the rule's own; None where it means none."""
    if said.casefold() in ITS_OWN:
        return OWN
    try:
        found = span(said.casefold())
        return duration.show(duration.parse(duration.show(found))) if found is not None else None
    except (ValueError, OverflowError):  # less than a second, or more than anybody lives to see
        return None


def _rule(asked: Asked) -> Objective:
    """The objective that is meant: by its id, its name, or what it is a clock of; the only one where none is named."""
    here, known = _clocks(asked, asked.ledger), _speaking(asked)
    said, key = asked.given("objective").casefold(), asked.ticket.key
    among = [rule for rule in known if rule.id in here] or known
    if not among:
        raise Sorry(f"No clock runs for {key}.")
    if not said and len(among) == 1:
        return among[0]
    found = _named(said, [rule for rule in known if rule.id in here]) or _named(said, known)
    if found is None:
        names = [rule.id for rule in among]
        hint = sentence(nearest(said, names)) if said else ""
        what = f"{key} has no clock {inert(said)}" if said else "override needs to know: objective"
        raise Sorry(f"{what}; there is {', '.join(names)}.{' ' + hint if hint else ''}")
    return found


def _named(said: str, rules: Sequence[Objective]) -> Objective | None:
    """The one that is called so; of those that have the same goal the first."""
    exact = (rule for rule in rules if said in {rule.id.casefold(), rule.name.casefold()})
    found = next(exact, None) or next((rule for rule in rules if said == rule.goal), None)
    return found if said else None


def _speaking(asked: Asked) -> list[Objective]:
    """The objectives that are about this ticket, also those that have no goal for it."""
    live = (rule for rule in asked.rules.of("objective") if rule.mode != "off" and holds(rule.when, asked.facts))
    return [rule for rule in live if isinstance(rule, Objective)]


def _clocks(asked: Asked, ledger: Ledger) -> Mapping[str, Clock]:
    """The clocks of the ticket by rule, as they would stand with this ledger."""
    plan = make_plan(asked.ticket, ledger, asked.rules, asked.engine.world(asked.ticket, ledger), asked.now)
    return {clock.rule.id: clock for clock in plan.clocks}


def _line(clock: Clock, asked: Asked) -> str:
    return inert(clock.line(asked.rules.zone(f"person:{asked.who}"), asked.now))
