"""One effect in the ledger: what was claimed, what became of it, and how that is written in little room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sync.rows import moment_of, ms

LONGEST_REASON: Final = 120
"""Characters kept of why something was refused."""
SETTLE_AFTER: Final = timedelta(minutes=2)
"""The age at which an open claim is settled: longer than any call's time-out plus any product's search lag."""


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


def reason(said: str) -> str:
    """Why something was refused, as the ledger keeps it: short, also as JSON, which writes some characters as six."""
    plain = "".join(c if c.isprintable() else " " for c in said.replace('"', "'").replace("\\", "/"))
    return " ".join(plain.split())[:LONGEST_REASON]


def _place(key: str) -> str:
    """What follows the arrow of a key: an address written out needs not be said twice."""
    return key.partition(">")[2]


def entry_to(key: str, entry: Entry) -> dict[str, Any]:
    """An entry as the value of its key in the ledger's document."""
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


def entry_from(key: str, said: Any) -> Entry:
    """The entry of a key, as `entry_to` wrote it. Raises TypeError, ValueError, LookupError where it is damaged."""
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
