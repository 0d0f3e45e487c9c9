"""Planning for one ticket that changed 500, 5,000 and 20,000 times, with a ladder whose condition held all along.

Must reach 100 ms for 5,000 changes. What is measured is the whole plan: facts made anew, what happened, since when the
condition is true (every moment of the ticket's life is asked), what should be there, compared with an empty ledger.
"""

import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

from connectors.model import Change, Ticket, User, Value
from rules import load
from sync.effects import World
from sync.ledger import Ledger
from sync.plan import make_plan

CREATED = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
MOST_MS = {500: 100.0, 5_000: 100.0, 20_000: 1_000.0}
RULES = """
[defaults]
timezone = "UTC"
fallback = ["place:incidents"]
[places.incidents]
slack = "#incidents"
[scales]
severity = ["low", "medium", "high"]
[fields]
users = { type = "number" }
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and mentions(text, "down") and not acknowledged and not restored and users >= 0'
steps = [{ after = "5m", to = ["place:incidents"] }]
[[notify]]
id = "milestones"
on = ["raised", "assigned", "resolved"]
to = ["place:incidents"]
"""
ROUND: dict[str, tuple[Value, ...]] = {
    "users": (10, 20, 30),
    "assignee": (User("1", "Ann"), User("2", "Tom"), None),
    "labels": (("a",), ("a", "b")),
    "status": ("In progress", "Waiting"),
}


def main() -> int:
    """Print the table; 1 where a figure is missed."""
    rules = load.parse({"rules.toml": RULES}, connectors=("jira", "slack"))
    world = World(products=("slack",), editable=frozenset({"slack"}), searchable=frozenset({"slack"}))
    missed = 0
    print(f"{'one plan, by changes of the ticket':<46}{'median':>10}{'worst':>10}{'limit':>10}")
    for changes, limit in MOST_MS.items():
        ticket, times = changed(changes), []
        for _ in range(7):
            begun = time.perf_counter()
            plan = make_plan(ticket, Ledger(ticket.ref), rules, world, ticket.updated + timedelta(minutes=1))
            times.append((time.perf_counter() - begun) * 1e3)
        if not any(effect.key == "escalate:unacknowledged>place:incidents@slack" for effect in plan.owed):
            raise SystemExit("the ladder is not owed: this measures nothing")
        median = statistics.median(times)
        print(f"{changes:<46,}{median:>7.1f} ms{max(times):>7.1f} ms{limit:>7g} ms")
        missed |= median > limit
    return int(missed)


def changed(times: int) -> Ticket:
    """A ticket that was high and down from the beginning, and whose other words went round and round."""
    words, now = list(ROUND), {word: values[0] for word, values in ROUND.items()}
    history = []
    for nth in range(times):
        word = words[nth % len(words)]
        after = ROUND[word][(nth // len(words) + 1) % len(ROUND[word])]
        history.append(Change(CREATED + timedelta(minutes=nth), word, now[word], after, User("1", "Ann")))
        now[word] = after
    fields = {"severity": "high", "users": now["users"], "assignee": now["assignee"]}
    return Ticket(
        "1", "OPS-1", "Checkout is down", CREATED, history[-1].at, source="jira", fields=fields,
        labels=("a",) if now["labels"] == ("a",) else ("a", "b"), status=str(now["status"]), history=tuple(history),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
