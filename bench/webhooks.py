"""Signed 6 KB Jira webhooks accepted by one process on loopback: at least 2,000 a second.

The process is the real server with the real Jira connector: it checks each signature, reads each body, puts each ticket
into the queue and answers 202. What the looks would do afterwards is another benchmark's. The client is our own: eight
kept-alive connections from a second process, each request made and signed before the clock starts.
"""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors import registry
from connectors.signatures import hexdigest
from connectors.testing import MemoryTracker
from sync.gate import Gate
from sync.health import Health, Swept
from sync.intake import Intake
from sync.queue import MemoryQueue
from sync.server import Hooks, Server, app

SECRET = "benchmark"
SIZE = 6 * 1024
CONNECTIONS = 8
SECONDS = 5.0
LEAST = 2_000


class Engine:
    """Knows nothing and is asked nothing: only webhooks are measured."""

    def is_echo(self, changed: object) -> bool:
        """No echo."""
        return False

    def knows(self, ref: str) -> bool:
        """Every ref."""
        return True

    def read(self, command: object) -> str:
        """No command."""
        return ""

    def placeless(self, command: object) -> tuple[str, str]:
        """No answer, and no ticket."""
        return "", ""

    def form(self, command: object) -> None:
        """No form."""

    def command(self, command: object) -> str:
        """No answer."""
        return ""


def serve() -> None:
    """Serve until the standard input ends; the first line printed is the port, the last how many were queued."""
    kind = registry.load("jira")
    settings = kind.Settings.model_validate(
        {
            "url": "http://127.0.0.1:9",
            "token": "x",
            "deployment": "cloud",
            "project": ["OPS"],
            "webhook_secret": SECRET,
        }
    )
    jira = kind("jira", settings)
    clock = lambda: datetime.now(UTC)  # noqa: E731
    queue = MemoryQueue(lambda ref: None, lambda ref: 0, clock, workers=4)
    intake = Intake(MemoryTracker(clock), Engine(), queue, {}, clock)
    health = Health(("jira",), Gate(), Swept(), queue.depth, {}, lambda: (0, ""))
    server = Server(app(Hooks({"jira": jira}, intake, clock), health), "127.0.0.1", 0)
    queue.start()
    print(server.start(), flush=True)
    sys.stdin.read()
    server.stop()
    queue.stop(timedelta(seconds=5))


def webhook(number: int) -> bytes:
    """One signed request of 6 KB: an issue was updated, by a person."""
    body = json.dumps(
        {
            "timestamp": 1772366400000 + number,
            "webhookEvent": "jira:issue_updated",
            "issue_event_type_name": "issue_updated",
            "user": {"accountId": "5b10a2844c20165700ede21g", "displayName": "Ann", "active": True},
            "issue": {
                "id": str(10_000 + number),
                "key": f"OPS-{number}",
                "fields": {"summary": "Checkout is down", "project": {"id": "10000", "key": "OPS"}, "description": ""},
            },
            "changelog": {
                "id": str(number),
                "items": [{"field": "priority", "fieldId": "priority", "from": "3", "to": "1", "toString": "Highest"}],
            },
        }
    ).encode()
    body = body[:-1] + b', "filler": "' + b"x" * (SIZE - len(body) - 14) + b'"}'
    return (
        b"POST /hooks/jira HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + f"X-Atlassian-Webhook-Identifier: bench-{number}\r\n".encode()
        + f"X-Hub-Signature: sha256={hexdigest(SECRET, body)}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


class Client(asyncio.Protocol):
    """One kept-alive connection that sends the next request when the answer to the last has come."""

    def __init__(self, requests: list[bytes]) -> None:
        self.requests, self.next, self.accepted, self.sent_at = requests, 0, 0, 0.0
        self.times: list[float] = []
        self.transport: asyncio.Transport | None = None
        self.on = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count, and go on."""
        self.times.append(time.perf_counter() - self.sent_at)
        self.accepted += data.startswith(b"HTTP/1.1 202")
        if self.on:
            self._send()

    def _send(self) -> None:
        assert self.transport is not None
        self.sent_at = time.perf_counter()
        self.transport.write(self.requests[self.next % len(self.requests)])
        self.next += 1


async def load(port: int) -> list[Client]:
    """All connections at once, for a while."""
    loop = asyncio.get_running_loop()
    made = [[webhook(n) for n in range(c * 2_500, (c + 1) * 2_500)] for c in range(CONNECTIONS)]
    clients = [(await loop.create_connection(lambda r=r: Client(r), "127.0.0.1", port))[1] for r in made]
    await asyncio.sleep(SECONDS)
    for client in clients:
        client.on = False
    await asyncio.sleep(0.2)
    return clients


def main() -> int:
    """Serve in one process, ask from this one, and say how many were accepted."""
    serving = subprocess.Popen(
        [sys.executable, str(Path(__file__)), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdin is not None
    assert serving.stdout is not None
    port = int(serving.stdout.readline())
    clients = asyncio.run(load(port))
    serving.stdin.close()
    serving.wait(20)
    accepted, sent = sum(c.accepted for c in clients), sum(len(c.times) for c in clients)
    times = sorted(t for c in clients for t in c.times)
    rate = accepted / SECONDS
    held = "ok" if rate >= LEAST else "MISSED"
    print(f"{'signed 6 KB Jira webhooks, one process':<40} {'measured':>12} {'must reach':>12}")
    print(f"{'accepted':<40} {f'{rate:,.0f}/s':>12} {f'≥ {LEAST:,}/s':>12}  {held}")
    print(f"{'answered otherwise':<40} {sent - accepted:>12,} {0:>12}")
    print(f"{'time to answer, half of them within':<40} {f'{times[len(times) // 2] * 1e3:.1f} ms':>12}")
    print(f"{'time to answer, 99 of 100 within':<40} {f'{times[len(times) * 99 // 100] * 1e3:.1f} ms':>12}")
    return 0 if rate >= LEAST and sent == accepted else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        sys.exit(main())
