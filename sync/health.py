"""How Pointman is: what `/healthz`, `/readyz` and `/metrics` tell, and what the sweep and the looks note down for it.

An outage of a product is not ill health: nothing here makes an orchestrator restart a process that only waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sync import metrics
from sync.gate import Gate
from sync.overdue import SHOWN, TOLERANCE, Overdue, Register
from sync.queue import Depth

Json = dict[str, Any]
STALE: Final = 3
"""A sweep that ended so many intervals ago was the last: it hangs."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """What is late at this moment, by what the looks left behind. `tolerance` is how late an effect may be."""

    register: Register
    clock: Callable[[], datetime]
    tolerance: timedelta = TOLERANCE

    def late(self) -> tuple[Overdue, ...]:
        """Everything that is late, the oldest first."""
        return self.register.late(self.clock(), self.tolerance)

    def told(self) -> Json:
        """How many, how late, and which: the oldest twenty."""
        late, now = self.late(), self.clock()
        named = [
            {"ticket": one.ticket, "what": one.what, "since": _moment(one.since), "kind": one.kind}
            for one in late[:SHOWN]
        ]
        return {"count": len(late), "oldest_seconds": seconds(late, now), "effects": named}


def seconds(late: Iterable[Overdue], now: datetime) -> int:
    """How late the latest is, in whole seconds."""
    return round(max((one.late(now).total_seconds() for one in late), default=0))


@dataclass(slots=True)
class Swept:
    """What the sweep notes down. `listed` is what the last whole list held; `failing` since when none succeeded.

    `refs` are the tickets of the last whole list, `doubt` is why it is not to be believed.
    """

    last: datetime | None = None
    whole: datetime | None = None
    listed: int = 0
    failing: datetime | None = None
    said: str = ""
    refs: frozenset[str] = frozenset()
    doubt: str = ""


@dataclass
class Health:
    """Everything that can be told of the process, gathered when it is asked for; `clean` takes out what is a secret."""

    products: Iterable[str]
    gate: Gate
    swept: Swept
    depth: Callable[[], Depth]
    notices: Mapping[str, str]
    rules: Callable[[], tuple[int, str]]
    clean: Callable[[Any], Any] = lambda told: told
    stopping: bool = field(default=False)
    lateness: Lateness | None = None

    def told(self) -> Json:
        """The state as JSON, for `/healthz`."""
        troubles = self.gate.troubles()
        depth, (rules, digest) = self.depth(), self.rules()
        products = {name: self._product(name) for name in self.products}
        overdue = {"overdue": self.lateness.told()} if self.lateness is not None else {}
        late = any(one["count"] for one in overdue.values())
        well = not troubles and not self.notices and self.swept.failing is None and not late
        well = well and not self.swept.doubt
        told: Json = {
            "status": "stopping" if self.stopping else "ok" if well else "degraded",
            "products": products,
            "sweep": {
                "last": _moment(self.swept.last),
                "whole": _moment(self.swept.whole),
                "tickets": self.swept.listed,
                **(
                    {"failing_since": _moment(self.swept.failing), "said": self.swept.said}
                    if self.swept.failing
                    else {}
                ),
                **({"doubt": self.swept.doubt} if self.swept.doubt else {}),
            },
            "queue": {"waiting": depth.waiting, "running": depth.running, "wakes": depth.wakes},
            "rules": {"count": rules, "digest": digest},
            **overdue,
            "notices": dict(self.notices),
        }
        cleaned: Json = self.clean(told)
        return cleaned

    def ready(self) -> str:
        """Nothing, when work is taken; else why not, in a sentence."""
        if self.stopping:
            return "stopping"
        if self.swept.last is None:
            why = f": {self.clean(self.swept.said)}" if self.swept.said else ""
            return f"the tracker has not been listed yet{why}"
        return ""

    def unwell(self, every: timedelta) -> str:
        """Nothing, while the last sweep succeeded a short while ago and nothing is overdue; else why not.

        `every` is how often a sweep is made.
        """
        if self.stopping or self.lateness is None:
            return "stopping"
        now, last = self.lateness.clock(), self.swept.last
        if last is None or self.swept.failing is not None:
            return self.ready() or f"the last sweep failed: {self.clean(self.swept.said)}"
        if now - last > self.lateness.tolerance + STALE * every:
            return f"no sweep has ended since {_moment(last)}"
        if self.swept.doubt:
            return str(self.clean(self.swept.doubt))
        late = self.lateness.late()
        return f"{len(late)} effects are overdue" if late else ""

    def measure(self) -> None:
        """Bring the gauges up to date."""
        depth, troubles = self.depth(), self.gate.troubles()
        for state, count in (("waiting", depth.waiting), ("running", depth.running), ("wakes", depth.wakes)):
            metrics.QUEUE.labels(state).set(count)
        for name in self.products:
            metrics.PRODUCT_UP.labels(name).set(0 if name in troubles else 1)
        metrics.RULES.set(self.rules()[0])
        metrics.NOTICES.set(len(self.notices))
        metrics.NEARLY_FULL.set(sum(topic.endswith(": room") for topic in tuple(self.notices)))
        metrics.LISTED.set(self.swept.listed)
        if self.lateness is not None:
            late = self.lateness.late()
            metrics.OVERDUE.set(len(late))
            metrics.OLDEST_OVERDUE.set(seconds(late, self.lateness.clock()))
        if self.swept.last is not None:
            metrics.LAST_SWEEP.set(self.swept.last.timestamp())

    def _product(self, name: str) -> Json:
        trouble = self.gate.troubles().get(name)
        if trouble is None:
            return {"state": "ok"}
        state = "denied" if trouble.denied else "temporary"
        return {"state": state, "since": _moment(trouble.since), "until": _moment(trouble.until), "said": trouble.said}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
