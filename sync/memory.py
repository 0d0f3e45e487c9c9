"""What the process remembers to be quicker or kinder. It may be lost at any moment, and loses nothing."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock

from connectors.model import Edit, Ticket, User, Value
from rules.directory import person_of
from rules.model import RuleSet
from rules.text import inert
from sync.ledger import Act, Entry, Ledger
from sync.overdue import Register
from sync.plan import Plan, same, shown

EMERGENCY_AHEAD = timedelta(hours=1)
MOST_CALLS = 50
OLDEST = datetime.min.replace(tzinfo=UTC)
UNWRITABLE_PAUSE = timedelta(minutes=1)
"""When a ticket is looked at again whose ledger could not be written; each time twice as long after the last."""
UNWRITABLE_LONGEST = timedelta(hours=1)
SEARCH_LAGS = timedelta(minutes=3)
"""How long a page of a tracker's search may show a ticket as it was before it was read by id."""


class Memory:
    """What the process remembers to be quicker or kinder; losing it loses nothing.

    `unwritten` are entries by ref that were not read back yet; `versions` the last version looked at; `ranks` the
    last severity; `loads` open tickets by person; `coming` the calls planned at the last look; `known` the key of
    every ref seen; `alarms` what was told without a ledger; `slow` whose last look was too old when it had been read;
    `closed` which tickets are restricted; `unwritable` how often in a row a ticket's ledger could not be written;
    `waiting` what each ticket waits for; `rooms` whose ledgers name a channel, none where it is nobody's;
    `searched` channels were looked for; `whole` says that everything open was considered once.
    """

    def __init__(self) -> None:
        self.unwritten: dict[str, dict[str, Entry]] = {}
        self.versions: dict[str, str] = {}
        self.ranks: dict[str, int] = {}
        self.acts: dict[str, tuple[Act, ...]] = {}
        self.known: dict[str, str] = {}
        self.loads: Counter[str] = Counter()
        self.read_back: set[str] = set()
        self.alarms: set[tuple[str, str, str]] = set()
        self.slow: set[str] = set()
        self.closed: set[str] = set()
        self.unwritable: dict[str, int] = {}
        self.coming: dict[str, tuple[tuple[datetime, str], ...]] = {}
        self.waiting = Register()
        self.rooms: dict[tuple[str, str], tuple[str, ...]] = {}
        self.searched: set[tuple[str, str]] = set()
        self.whole = False
        self._read: dict[str, tuple[datetime, datetime]] = {}
        self._holders: dict[str, str] = {}
        self._recent: OrderedDict[str, list[tuple[str, Value]]] = OrderedDict()
        self._lock = Lock()

    def seen(self, ticket: Ticket, rules: RuleSet) -> None:
        """Count the ticket to the person who has it, and keep its rank."""
        levels, severity = rules.scales.get("severity", ()), ticket.fields.get("severity")
        who = ticket.fields.get("assignee")
        counts = ticket.phase in {"new", "active"} and ticket.ref not in self.closed
        held = person_of(who, ticket.source, rules) if isinstance(who, User) and counts else None
        with self._lock:
            self.known[ticket.ref] = ticket.key
            if severity in levels:
                self.ranks[ticket.ref] = levels.index(str(severity)) + 1
            before = self._holders.pop(ticket.ref, None)
            if before is not None:
                self.loads[before] -= 1
            if held is not None:
                self._holders[ticket.ref] = held
                self.loads[held] += 1

    def owns(self, ref: str, spots: Iterable[tuple[str, str]]) -> None:
        """Note the channels that a ticket's ledger names as its own, beside those whose ledgers say the same."""
        with self._lock:
            for spot in spots:
                known = self.rooms.get(spot, ())
                if ref not in known:
                    self.rooms[spot] = (*known, ref)

    def closing(self, ref: str, *, restricted: bool) -> None:
        """Count a restricted ticket to nobody: how much somebody has to do says nothing of it."""
        with self._lock:
            if not restricted:
                self.closed.discard(ref)
            elif ref not in self.closed:
                self.closed.add(ref)
                before = self._holders.pop(ref, None)
                if before is not None:
                    self.loads[before] -= 1

    def read(self, ticket: Ticket, now: datetime) -> None:
        """Remember for a while how fresh a ticket was when it was read by id."""
        with self._lock:
            self._read.pop(ticket.ref, None)
            self._read[ticket.ref] = ticket.updated, now
            while True:
                first = next(iter(self._read))  # the first in is the oldest
                if self._read[first][1] > now - SEARCH_LAGS or first == ticket.ref:
                    return
                del self._read[first]

    def outdated(self, ticket: Ticket, clock: Callable[[], datetime]) -> bool:
        """Whether a ticket, as a page shows it, is older than it was when it was read by id a short while ago."""
        with self._lock:
            updated, at = self._read.get(ticket.ref, (OLDEST, OLDEST))
        return ticket.updated < updated and clock() < at + SEARCH_LAGS

    def rest(self, ref: str) -> timedelta:
        """How long to leave a ticket alone whose ledger could not be written, one time more."""
        with self._lock:
            times = self.unwritable[ref] = self.unwritable.get(ref, 0) + 1
        return min(UNWRITABLE_LONGEST, UNWRITABLE_PAUSE * (1 << min(times - 1, 10)))

    def late(self, ref: str) -> bool:
        """Note that a look was too old when its ticket had been read; whether it was so the last time, too."""
        with self._lock:
            again = ref in self.slow
            self.slow.add(ref)
        return again

    def wrote(self, ref: str, edit: Edit | None) -> None:
        """Remember what we just wrote, to know its echo."""
        if edit is None:
            return
        with self._lock:
            kept = self._recent.setdefault(ref, [])
            kept.extend(edit.fields.items())
            del kept[:-20]
            self._recent.move_to_end(ref)
            while len(self._recent) > 5_000:
                self._recent.popitem(last=False)

    def keep(self, ref: str, entries: dict[str, Entry]) -> None:
        """Keep entries that were not read back yet; none of them, where there are none."""
        with self._lock:
            if entries:
                self.unwritten[ref] = entries
            else:
                self.unwritten.pop(ref, None)

    def asked(self, ref: str, acts: tuple[Act, ...]) -> None:
        """Keep acts that were written, until they are read back: a tracker may drop them with success."""
        with self._lock:
            self.acts[ref] = (*self.acts.get(ref, ()), *acts)

    def completed(self, ledger: Ledger) -> Ledger:
        """A ledger as read, with what we know beside it. What it knows itself is forgotten here."""
        if self.confirmed(ledger):
            return ledger
        return ledger.merged(self.unwritten.get(ledger.ref, {}), self.acts.get(ledger.ref, ()))

    def confirmed(self, ledger: Ledger) -> bool:
        """Whether a ledger as read knows everything that we kept for its ticket, which is then forgotten."""
        kept, acts = self.unwritten.get(ledger.ref, {}), self.acts.get(ledger.ref, ())
        stored = {key: entry.at for key, entry in ledger.entries.items()}
        if any(entry.at is not None and (stored.get(key) or OLDEST) < entry.at for key, entry in kept.items()):
            return False
        if not all(ledger.knows(act.id) for act in acts):
            return False
        self.keep(ledger.ref, {})
        self.acts.pop(ledger.ref, None)
        return True

    def wrote_this(self, ref: str, word: str, value: Value) -> bool:
        """Whether we wrote this to the ticket lately. A person whom we know by address only is whoever it became."""
        with self._lock:
            kept = [was for known, was in self._recent.get(ref, ()) if known == word]
        return any(same(was, value) or (isinstance(was, User) and not was.id) for was in kept)

    def planned(self, ticket: Ticket, plan: Plan) -> None:
        """Keep the calls that come next, for the case that the tracker cannot be asked when they are due."""
        self.waiting.note(ticket, plan)
        calls = [i for i in plan.of("next") if i.effect.sort == "call" and not i.effect.watched]
        called = f"{ticket.key} {ticket.summary}" if plan.restriction is None else f"{ticket.key} (restricted)"
        if calls:
            self.coming[ticket.ref] = tuple((i.effect.due, f"{called}: {i.effect.what}") for i in calls)
        else:
            self.coming.pop(ticket.ref, None)

    def forget(self, ref: str) -> None:
        """The ticket is gone, or over for good."""
        self.waiting.forget(ref)
        with self._lock:
            before = self._holders.pop(ref, None)
            if before is not None:
                self.loads[before] -= 1
            for kept in (self.known, self.versions, self.coming, self.ranks, self.unwritten, self.acts, self._recent):
                kept.pop(ref, None)
            self.slow.discard(ref)
            self.closed.discard(ref)
            self.unwritable.pop(ref, None)


def emergency_lines(
    coming: Mapping[str, tuple[tuple[datetime, str], ...]], rules: RuleSet, now: datetime
) -> tuple[str, ...]:
    """The planned calls of all tickets that are due within the hour, soonest first, at most fifty."""
    soon = sorted({call for calls in coming.values() for call in calls if call[0] <= now + EMERGENCY_AHEAD})
    return tuple(f"- {shown(at, rules, now)} {inert(what)}" for at, what in soon[:MOST_CALLS])
