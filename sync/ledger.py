"""What has been done for a ticket, and what people asked of us, as one JSON document that the ticket carries.

The ledger is a value: claiming and recording return a new one, and `look` decides when it is written. It names the
ticket it belongs to, so a copied ticket's ledger is somebody else's and counts as empty. What cannot be read is an
error, never "nothing was done": starting from nothing would call everybody again.

    {"v":1,"id":"10042",
     "e":{"notify:card>place:incidents@slack":{
            "a":at, "m":mark, "s":"digest", "r":"C1:17.1", "t":"slack:#incidents",
            "c":[first,moment,"digest","slack:#incidents",covers], "x":[at,"digest","why"]}},
     "w":["ann"], "q":[["acknowledge"]], "a":[["kP3x_0aQ",at,0,0]], "d":["9vXb2LmA"]}

The acts are rows; see sync/rows.py. `d` are the ids of those that had to make room. The first format wrote an act as
`["id",at,"ann","acknowledge",{}]`, and is read as well. A mark that equals `a`, and an address that stands in the key,
are left out. Moments are whole milliseconds since 1970 (UTC), since a tracker tells its events apart by milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sync import folding
from sync.rows import Act, moment_of, ms, packed, unpacked

VERSION = 2
ROOM = 32_768
"""Characters that the smallest tracker gives us (Jira's issue property)."""
WARN_AT = ROOM * 8 // 10
"""Characters from which on settled calls are dropped, and an administrator is told where that is not enough."""
OUTCOME_ROOM = 160
"""Characters kept free for each open claim, so that its outcome can always be recorded."""
PEOPLES_ROOM = 2_000
"""Characters that no claim takes, so that people can still acknowledge a ticket whose ledger is full."""
CALLS = tuple(
    f"{watched}{kind}:" for kind in ("escalate", "objective", "update", "remind") for watched in ("", "watch.")
)
"""The kinds of keys of calls: settled ones may be dropped, and what they made may stand on a list."""
REMEMBERED = 150
"""So many ids of acts that were dropped are kept, the latest, to know their commands when they come again."""
FEW = 20
"""So many acts are not worth to be folded, whatever else fills the ledger."""
LONGEST_REASON = 120
"""Characters kept of why something was refused."""
SETTLE_AFTER = timedelta(minutes=2)
"""The age at which an open claim is settled: longer than any call's time-out plus any product's search lag."""
RETRY_ERRORS_AFTER = timedelta(hours=1)


class Unreadable(Exception):  # the ticket is left alone until a person has looked at it
    """The ledger on the ticket is damaged, or was written by a newer Pointman; `str()` says which."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An announcement that we are about to do something.

    `moment` is what it is about (a step's own due, the last event of some news): the same in every process, so what
    one made the other finds. `covers` is the moment that will count as covered. `to` is product and address, as
    `slack:#ops`; for a reply, the ref of what it stands under. A renewed claim keeps its first time, moment, digest
    and place; `renewed` is when, since its age counts from there. `settled` and `repeat` live in memory only: the
    product was asked and has nothing, so it may be sent; or cannot be asked, so it is sent as a possible repeat.
    """

    first: datetime
    moment: datetime
    sum: str
    to: str
    covers: datetime
    renewed: datetime | None = None
    settled: bool = False
    repeat: bool = False

    @property
    def due(self) -> datetime:
        """When it is settled."""
        return (self.renewed or self.first) + SETTLE_AFTER


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an effect was refused. It stands for one digest, and is tried again after an hour or a reload."""

    at: datetime
    sum: str
    said: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """News that were too old to be sent: how many, after which moment and up to which."""

    count: int
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect that was done, claimed or refused.

    `at` is when it was done, `mark` the moment it covers, `sum` the digest of what was made, `ref` the product's own
    id of it, `to` product and address. `retired` things are no longer wanted and were told so once. `stale` are the
    stretches of news that were too old to be sent.
    """

    at: datetime | None = None
    mark: datetime | None = None
    sum: str = ""
    ref: str = ""
    to: str = ""
    claim: Claim | None = None
    failure: Failure | None = None
    retired: bool = False
    stale: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an effect went: done (`ref`), refused (`failure`), in doubt (`open`), or certainly not done.

    `gone`: it was refused because what was to be changed is not there any more. What was made and is not as it should
    be yet has a `ref` without being done.
    """

    key: str
    ref: str = ""
    failure: str = ""
    open: bool = False
    done: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of the ticket `ref`. Compare two with `==`; `dumps` is canonical, and worked out once.

    `dropped` are the ids of acts that had to make room.
    """

    ref: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    dropped: tuple[str, ...] = ()
    _dumped: str = field(default="", init=False, repr=False, compare=False)
    _texts: dict[str, tuple[Entry, str]] = field(default_factory=dict, repr=False, compare=False)
    _rows: list[tuple[tuple[Act, ...], str]] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def loads(cls, text: str | None, ref: str) -> Ledger:
        """Read what the ticket `ref` carries; None and another ticket's ledger are empty. Raises Unreadable."""
        if text is None:
            return cls(ref)
        try:
            document = json.loads(text)
            version = int(document["v"])
            if version <= VERSION:
                if str(document["id"]) != ref:
                    return cls(ref)
                entries = {key: _entry_from(key, value) for key, value in document["e"].items()}
                acts = unpacked(document) if version > 1 else map(_act_from, document["a"])
                return cls(ref, entries, tuple(acts), tuple(map(str, document.get("d", ()))))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise Unreadable(f"it is damaged ({type(error).__name__}: {error})") from None
        raise Unreadable(f"it was written by a newer Pointman (format {version}, we know {VERSION})")

    def dumps(self) -> str:
        """The document as compact JSON."""
        if self._dumped:
            return self._dumped
        head = _json({"v": VERSION, "id": self.ref})[:-1]
        entries = ",".join(self._text(key, entry) for key, entry in sorted(self.entries.items()))
        dropped = f',"d":{_json(self.dropped)}' if self.dropped else ""
        object.__setattr__(self, "_dumped", f'{head},"e":{{{entries}}},{self._acts()}{dropped}}}')
        return self._dumped  # a value all the same: it always comes to this

    def _text(self, key: str, entry: Entry) -> str:
        """An entry as it stands in the document, worked out once for this ledger and those that are made of it."""
        known = self._texts.get(key)
        if known is None or known[0] is not entry:
            known = self._texts[key] = entry, _json({key: _entry_to(key, entry)})[1:-1]
        return known[1]

    def _acts(self) -> str:
        """The acts as they stand in the document, worked out once as well."""
        if not self._rows or self._rows[0][0] is not self.acts:
            self._rows[:] = [(self.acts, _json(packed(self.acts))[1:-1])]
        return self._rows[0][1]

    @property
    def written_at(self) -> datetime | None:
        """The latest moment of anything in it, None where it is empty."""
        moments = [e.at for e in self.entries.values() if e.at] + [act.at for act in self.acts]
        return max(moments, default=None)

    def get(self, key: str, was: Iterable[str] = ()) -> Entry | None:
        """The entry of an effect, also under the key it had before its rule was renamed."""
        entry = self.entries.get(key)
        return entry or next((self.entries[former] for former in was if former in self.entries), None)

    def open_claims(self) -> Mapping[str, Claim]:
        """The claims whose outcome is not known, by key."""
        return {key: entry.claim for key, entry in self.entries.items() if entry.claim is not None}

    def with_entry(self, key: str, entry: Entry | None, was: Iterable[str] = ()) -> Ledger:
        """The ledger with this entry in place of what stood under the key, or under its former keys."""
        entries = {k: v for k, v in self.entries.items() if k not in {key, *was}}
        if entry is not None:
            entries[key] = entry
        return replace(self, entries=entries)

    def with_act(self, act: Act) -> Ledger:
        """The ledger with one more act; the same act told twice is one."""
        return self if self.knows(act.id) else replace(self, acts=(*self.acts, act))

    def knows(self, ident: str) -> bool:
        """Whether an act of this id is in it, or was and had to make room."""
        return any(known.id == ident for known in self.acts) or ident in self.dropped

    def claimed(self, key: str, claim: Claim, was: Iterable[str] = ()) -> Ledger:
        """The ledger with an open claim; one that stands there already is renewed and keeps its first values."""
        entry = self.get(key, was) or Entry()
        standing = entry.claim
        if standing is not None:
            covers = max(standing.covers, claim.covers)
            claim = replace(standing, renewed=claim.first, covers=covers, settled=False)
        return self.with_entry(key, replace(entry, claim=claim), was)

    def recorded(self, outcome: Outcome, now: datetime) -> Ledger:
        """The ledger after an effect went one way or the other."""
        entry = self.entries.get(outcome.key)
        if entry is None or entry.claim is None or outcome.open:
            return self
        claim = entry.claim
        if outcome.done:
            made = Entry(now, claim.covers, claim.sum, outcome.ref or entry.ref, claim.to, stale=entry.stale)
            return self.with_entry(outcome.key, made)
        if outcome.ref and entry.at is None:
            entry = replace(entry, at=now, mark=claim.covers, ref=outcome.ref, to=claim.to)
        if claim.repeat and not outcome.failure and not outcome.ref:  # in doubt from an earlier time, and so it stays
            return self
        failure = Failure(now, claim.sum, reason(outcome.failure)) if outcome.failure else entry.failure
        unclaimed = replace(entry, claim=None, failure=failure)
        if outcome.gone:
            unclaimed = replace(unclaimed, ref="", sum="")
        return self.with_entry(outcome.key, None if unclaimed == Entry() else unclaimed)

    def merged(self, newer: Mapping[str, Entry], acts: Iterable[Act] = ()) -> Ledger:
        """The ledger with entries and acts that we know of and it does not: what was done later wins."""
        entries = dict(self.entries)
        for key, entry in newer.items():
            standing = entries.get(key)
            if standing is None or standing.at is None or (entry.at is not None and entry.at > standing.at):
                entries[key] = entry
        merged = replace(self, entries=entries)
        for act in acts:
            merged = merged.with_act(act)
        return merged

    def trimmed(
        self,
        wanted: Iterable[str],
        droppable: Iterable[str] = CALLS,
    ) -> Ledger:
        """The ledger without the oldest settled calls that no rule wants any more, as far as the room demands it.

        Where that is not enough old acts are folded, and then the oldest go that lie between the first and the last of
        their kind; all stand in the log.
        """
        keep, prefixes = set(wanted), tuple(droppable)
        settled = sorted(
            (entry.at, key)
            for key, entry in self.entries.items()
            if key.startswith(prefixes) and key not in keep and entry.claim is None and entry.at is not None
        )
        over = self.size() - WARN_AT if settled or len(self.acts) > FEW else 0
        if over <= 0:
            return self
        gone: set[str] = set()
        for key in (key for _, key in settled):
            if over > 0:
                gone.add(key)
                over -= len(self._text(key, self.entries[key])) + 1
        left = replace(self, entries={key: entry for key, entry in self.entries.items() if key not in gone})
        return left if over <= 0 or not left.acts else left.folded()

    def folded(self) -> Ledger:
        """The ledger with its old acts folded; without the oldest that can be spared, as far as the room demands it."""
        latest = max(act.at for act in self.acts)
        made = self._with_only(folding.folded(self.acts, latest - folding.FOLDED_AFTER))
        spared = list(reversed(folding.spare(made.acts, latest)))
        while spared and (over := made.size() - WARN_AT) > 0:
            going: set[str] = set()
            while spared and over > 0:
                act = spared.pop()
                going.add(act.id)
                over -= len(_json(packed((act,))["a"])) - len(_json([act.id]))
            made = made._with_only(tuple(act for act in made.acts if act.id not in going))
        return made

    def _with_only(self, acts: tuple[Act, ...]) -> Ledger:
        """The ledger with these of its acts; the ids of the others are remembered, the latest of them."""
        kept = {act.id for act in acts}
        gone = (act.id for act in self.acts if act.id not in kept)
        return replace(self, acts=acts, dropped=(*self.dropped, *gone)[-REMEMBERED:])

    def size(self) -> int:
        """Characters it takes, with room for the outcomes of open claims and for the line of the log's own."""
        return len(self.dumps()) + OUTCOME_ROOM * (len(self.open_claims()) + 1)

    def fits(self) -> bool:
        """Whether there is room for it, for the outcome of everything that is claimed in it, and for people's acts."""
        return self.size() + PEOPLES_ROOM <= ROOM


def _json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def nearly_full(key: str, length: int) -> Mapping[str, str]:
    """What an administrator is told, by topic, of a ticket whose ledger takes so many characters; none below 80 %."""
    if length < WARN_AT:
        return {}
    room = f"{length:,} of {ROOM:,} characters"
    return {
        "room": f"{key}: its ledger takes {room}; when it is full only calls go out. Fewer rules should speak of it"
    }


def reason(said: str) -> str:
    """Why something was refused, as the ledger keeps it: short, also as JSON, which writes some characters as six."""
    plain = "".join(c if c.isprintable() else " " for c in said.replace('"', "'").replace("\\", "/"))
    return " ".join(plain.split())[:LONGEST_REASON]


def _place(key: str) -> str:
    """What follows the arrow of a key: an address written out needs not be said twice."""
    return key.partition(">")[2]


def _entry_to(key: str, entry: Entry) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if entry.at is not None:
        said["a"] = ms(entry.at)
    if entry.mark != entry.at:
        said["m"] = ms(entry.mark) if entry.mark is not None else None
    said.update({k: v for k, v in (("s", entry.sum), ("r", entry.ref)) if v})
    if entry.to != _place(key):
        said["t"] = entry.to
    if entry.claim is not None:
        claim = entry.claim
        renewed = [ms(claim.renewed)] if claim.renewed is not None else []
        said["c"] = [ms(claim.first), ms(claim.moment), claim.sum, claim.to, ms(claim.covers), *renewed]
    if entry.failure is not None:
        said["x"] = [ms(entry.failure.at), entry.failure.sum, entry.failure.said]
    if entry.retired:
        said["z"] = 1
    if entry.stale:
        said["l"] = [[stretch.count, ms(stretch.after), ms(stretch.until)] for stretch in entry.stale]
    return said


def _entry_from(key: str, said: Any) -> Entry:
    claim = failure = None
    if "c" in said:
        first, moment, digest, to, covers, *renewed = said["c"]
        again = moment_of(renewed[0]) if renewed else None
        claim = Claim(moment_of(first), moment_of(moment), str(digest), str(to), moment_of(covers), again)
    if "x" in said:
        at, digest, why = said["x"]
        failure = Failure(moment_of(at), str(digest), str(why))
    at = moment_of(said["a"]) if "a" in said else None
    mark = at if "m" not in said else moment_of(said["m"]) if said["m"] is not None else None
    return Entry(
        at=at,
        mark=mark,
        sum=str(said.get("s", "")),
        ref=str(said.get("r", "")),
        to=str(said["t"]) if "t" in said else _place(key),
        claim=claim,
        failure=failure,
        retired=bool(said.get("z")),
        stale=tuple(Stretch(int(n), moment_of(after), moment_of(until)) for n, after, until in said["l"])
        if "l" in said
        else (),
    )


def _act_from(said: Any) -> Act:
    """An act as the first format wrote it."""
    ident, at, by, verb, args = said
    return Act(str(ident), moment_of(at), str(by), str(verb), {str(k): str(v) for k, v in args.items()})


__all__ = ["Act", "Claim", "Entry", "Failure", "Ledger", "Outcome", "Stretch", "Unreadable", "nearly_full", "reason"]
