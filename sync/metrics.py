"""What can be counted, for Prometheus. Names say what was counted; no label is ever a ticket, a person or a text.

Counters are counted where it happens. What is a state (queue, products, last sweep) is read when it is asked for, by
`sync.health`.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

WEBHOOKS = Counter(
    "pointman_webhooks",
    "Webhooks by connector and what became of them: accepted, replayed, malformed, unsigned, too_large, unavailable.",
    ["connector", "outcome"],
)
SIGNALS = Counter(
    "pointman_signals", "Signals by kind and outcome: queued, echo, repeated, answered, failed.", ["kind", "outcome"]
)
LOOKS = Counter("pointman_looks", "Looks at tickets by outcome: done, put_off, temporary, denied.", ["outcome"])
LOOK_SECONDS = Histogram(
    "pointman_look_seconds",
    "How long a look took, all its calls included.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SWEEPS = Counter(
    "pointman_sweeps", "Sweeps by extent (whole, changed) and outcome (done, failed).", ["extent", "outcome"]
)
SWEEP_SECONDS = Histogram(
    "pointman_sweep_seconds",
    "How long a sweep took, by extent (whole, changed).",
    ["extent"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
RELOADS = Counter("pointman_reloads", "Rule reloads by outcome: replaced, refused.", ["outcome"])

LISTED = Gauge("pointman_sweep_tickets", "Tickets that the last whole sweep listed.")
LAST_SWEEP = Gauge("pointman_sweep_last_success_timestamp_seconds", "When the last sweep ended well.")
QUEUE = Gauge("pointman_queue_tickets", "Tickets in the queue by state: waiting, running, wakes.", ["state"])
PRODUCT_UP = Gauge("pointman_product_up", "1 where the product answers as it should, else 0.", ["connector"])
RULES = Gauge("pointman_rules", "Rules that are loaded.")
NOTICES = Gauge("pointman_notices", "What an administrator should look at: notices on the home ticket.")
NEARLY_FULL = Gauge("pointman_ledgers_nearly_full", "Tickets whose ledger takes more than 80 % of its room.")
OVERDUE = Gauge("pointman_overdue_effects", "What should have been done by now and was not, beyond the tolerance.")
OLDEST_OVERDUE = Gauge("pointman_oldest_overdue_seconds", "How late the latest of them is; 0 where nothing is.")
