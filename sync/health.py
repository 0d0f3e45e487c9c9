"""How Pointman is: what `/healthz`, `/readyz` and `/metrics` tell, and what the sweep and the looks note down for it.

An outage of a product is not ill health: nothing here makes an orchestrator restart a process that only waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync import metrics
from sync.gate import Gate
from sync.queue import Depth

Json = dict[str, Any]


@dataclass(slots=True)
class Swept:
    """What the sweep notes down. `listed` is what the last whole list held; `failing` since when none succeeded."""

    last: datetime | None = None
    whole: datetime | None = None
    listed: int = 0
    failing: datetime | None = None
    said: str = ""


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

    def told(self) -> Json:
        """The state as JSON, for `/healthz`."""
        troubles = self.gate.troubles()
        depth, (rules, digest) = self.depth(), self.rules()
        products = {name: self._product(name) for name in self.products}
        well = not troubles and not self.notices and self.swept.failing is None
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
            },
            "queue": {"waiting": depth.waiting, "running": depth.running, "wakes": depth.wakes},
            "rules": {"count": rules, "digest": digest},
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
