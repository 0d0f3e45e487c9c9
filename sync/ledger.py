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
from sync.entries import SETTLE_AFTER, Claim, Entry, Failure, Outcome, Stretch, entry_from, entry_to, reason
from sync.rows import Act, moment_of, packed, unpacked

__all__ = [
    "SETTLE_AFTER", "Act", "Claim", "Entry", "Failure", "Ledger", "Outcome", "Stretch", "Unreadable", "nearly_full",
    "reason",
]  # fmt: skip

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
RETRY_ERRORS_AFTER = timedelta(hours=1)


class Unreadable(Exception):  # the ticket is left alone until a person has looked at it
    """The ledger on the ticket is damaged, or was written by a newer Pointman; `str()` says which."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of the ticket `ref`. Compare two with `==`; `dumps` is canonical, and worked out once.

    `dropped` are the ids of acts that had to make room.
    """

    ref: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    dropped: tuple[str, ...] = ()
    _length: int = field(default=0, init=False, repr=False, compare=False)
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
                entries = {key: entry_from(key, value) for key, value in document["e"].items()}
                acts = unpacked(document) if version > 1 else map(_act_from, document["a"])
                read = cls(ref, entries, tuple(acts), tuple(map(str, document.get("d", ()))))
                object.__setattr__(read, "_length", len(text))  # most ledgers need not be written to know their size
                return read
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
            known = self._texts[key] = entry, _json({key: entry_to(key, entry)})[1:-1]
        return known[1]

    def _acts(self) -> str:
        """The acts as they stand in the document, worked out once as well."""
        known = next(iter(self._rows), None)
        if known is None or known[0] is not self.acts:
            known = self.acts, _json(packed(self.acts))[1:-1]
            self._rows[:] = [known]
        return known[1]

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
        spared = list(reversed(folding.spare(made.acts)))
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
        return (self._length or len(self.dumps())) + OUTCOME_ROOM * (len(self.open_claims()) + 1)

    def fits(self) -> bool:
        """Whether there is room for it, for the outcome of everything that is claimed in it, and for people's acts."""
        return self.size() + PEOPLES_ROOM <= ROOM


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def nearly_full(key: str, length: int) -> Mapping[str, str]:
    """What an administrator is told, by topic, of a ticket whose ledger takes so many characters; none below 80 %."""
    if length < WARN_AT:
        return {}
    room = f"{length:,} of {ROOM:,} characters"
    return {
        "room": f"{key}: its ledger takes {room}; when it is full only calls go out. Fewer rules should speak of it"
    }


def _act_from(said: Any) -> Act:
    """An act as the first format wrote it."""
    ident, at, by, verb, args = said
    return Act(str(ident), moment_of(at), str(by), str(verb), {str(k): str(v) for k, v in args.items()})
