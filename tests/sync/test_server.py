"""The door: what is wrong is told in a sentence, counted, and does nothing; what is right is taken at once."""

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from connectors.base import BadRequest, Connector, Receipt, Request
from connectors.config import ConnectorSettings
from connectors.errors import Temporary
from connectors.model import Alert, Changed, Command, Form, Signal, User
from connectors.signatures import hexdigest, signed
from connectors.testing import MemoryTracker
from sync.gate import Gate
from sync.health import Health, Swept
from sync.intake import Intake
from sync.logs import Redaction
from sync.metrics import WEBHOOKS
from sync.queue import MemoryQueue
from sync.server import LARGEST, Hooks, Server, app

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "a secret of the webhook"


class Signing(Connector):
    """A product whose webhooks are signed JSON: `{"ref": …}`, `{"fingerprint": …}` or `{"verb": …}`."""

    product = "Signing"

    def __init__(self) -> None:
        super().__init__("signing", ConnectorSettings())

    def receive(self, request: Request, now: datetime) -> Receipt:
        if not signed(request.headers.get("x-hub-signature", ""), SECRET, request.body):
            raise BadRequest(401, "the signature does not match")
        try:
            said = json.loads(request.body.decode("utf-8"))
        except ValueError:
            raise BadRequest(400, "the body is no JSON") from None
        delivery = request.headers.get("x-delivery", "")
        signal: Signal
        if "fingerprint" in said:
            signal = Alert(said["fingerprint"], now, "Checkout is down", "signing")
        elif "verb" in said:
            signal = Command(said["ref"], said["verb"], User("U1"), "signing", id=delivery)
        else:
            signal = Changed(said["ref"], delivery=delivery)
        return Receipt((signal,), body='{"ok": true}')


class Door:
    """A server on loopback with everything behind it, and an HTTP client that can misbehave."""

    def __init__(self) -> None:
        self.now = NOON
        self.looked: list[str] = []
        self.done: list[str] = []
        self.free = Event()
        self.free.set()
        self.tracker = MemoryTracker(lambda: self.now)
        self.gate = Gate()
        self.swept = Swept()
        self.queue = MemoryQueue(self.look, lambda ref: 0, lambda: self.now, workers=1)
        self.intake = Intake(self.tracker, self, self.queue, {}, lambda: self.now)
        self.health = Health(
            ("signing",),
            self.gate,
            self.swept,
            self.queue.depth,
            {"lost rules": "3 of 9"},
            lambda: (9, "abc"),
            Redaction({SECRET}).clean,
        )
        self.reading, self.unread = Event(), Event()
        mute, slow = Mute("mute", ConnectorSettings()), Slow(self.reading, self.unread)
        connectors: dict[str, Connector] = {"signing": Signing(), "mute": mute, "slow": slow}
        self.server = Server(app(Hooks(connectors, self.intake, lambda: self.now), self.health), "127.0.0.1", 0)
        self.queue.start()
        self.port = self.server.start()

    def look(self, ref: str) -> datetime | None:
        self.looked.append(ref)
        self.free.wait(10)
        return None

    def read(self, command: Command) -> Command | str:
        return command

    def placeless(self, command: Command) -> tuple[str, str]:
        return "", ""

    def form(self, command: Command) -> Form | None:
        return None

    def is_echo(self, changed: Changed) -> bool:
        return False

    def knows(self, ref: str) -> bool:
        return True

    def command(self, command: Command) -> str:
        time.sleep(0.05)
        self.done.append(command.id)
        if command.verb == "fail":
            raise Temporary("the tracker is away")
        return "done"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        calling = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        calling.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = calling.getresponse()
        said = answer.status, answer.read().decode()
        calling.close()
        return said

    def post(self, body: bytes, delivery: str = "", to: str = "signing") -> tuple[int, str]:
        signature = "sha256=" + hexdigest(SECRET, body)
        return self.ask("POST", f"/hooks/{to}", body, x_hub_signature=signature, x_delivery=delivery)

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(request)
            return line.recv(65536)

    def settle(self) -> list[str]:
        assert self.queue.drain(timedelta(seconds=10))
        return self.looked


class Mute(Connector):
    """A product that sends nothing."""

    product = "Mute"


class Slow(Connector):
    """A product whose webhooks are read when `go` is set."""

    product = "Slow"

    def __init__(self, reading: Event, go: Event) -> None:
        super().__init__("slow", ConnectorSettings())
        self.reading, self.go = reading, go

    def receive(self, request: Request, now: datetime) -> Receipt:
        self.reading.set()
        self.go.wait(5)
        return super().receive(request, now)


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.server.stop()
    made.intake.close()
    made.queue.stop(timedelta(seconds=5))


def counted(outcome: str, connector: str = "signing") -> float:
    return WEBHOOKS.labels(connector, outcome)._value.get()


def test_a_signed_webhook_is_taken_at_once_and_its_ticket_looked_at(door: Door) -> None:
    assert door.post(b'{"ref": "10001"}') == (202, '{"ok": true}')
    assert door.settle() == ["10001"]


def unsigned(door: Door) -> tuple[int, str]:
    return door.ask("POST", "/hooks/signing", b'{"ref": "10001"}')


def signed_for_another_body(door: Door) -> tuple[int, str]:
    return door.ask(
        "POST", "/hooks/signing", b'{"ref": "10001"}', x_hub_signature="sha256=" + hexdigest(SECRET, b"another")
    )


def no_utf8_in_the_signature(door: Door) -> tuple[int, str]:
    head = b"POST /hooks/signing HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
    head += b"X-Hub-Signature: \xff\xfe\r\n\r\n{}"
    answer = door.raw(head).decode()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


def no_json(door: Door) -> tuple[int, str]:
    return door.post(b"ref=10001")


def no_utf8(door: Door) -> tuple[int, str]:
    return door.post(b'{"ref": "\xff\xfe"}')


def nothing_at_all(door: Door) -> tuple[int, str]:
    return door.post(b"")


def words_missing(door: Door) -> tuple[int, str]:
    return door.post(b'{"something": "else"}')


def a_list(door: Door) -> tuple[int, str]:
    return door.post(b"[]")


def very_deep(door: Door) -> tuple[int, str]:
    return door.post(b"[" * 100_000)


def said_to_be_too_large(door: Door) -> tuple[int, str]:
    head = f"POST /hooks/signing HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {LARGEST + 1}\r\n\r\n"
    answer = door.raw(head.encode()).decode()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


def too_large_in_pieces(door: Door) -> tuple[int, str]:
    calling = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    calling.putrequest("POST", "/hooks/signing")
    calling.putheader("Transfer-Encoding", "chunked")
    calling.endheaders()
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(LARGEST // 0x10000 + 1):
        calling.send(piece)
    answer = calling.getresponse()
    said = answer.status, answer.read().decode()
    calling.close()
    return said


def no_such_connector(door: Door) -> tuple[int, str]:
    return door.post(b'{"ref": "10001"}', to="jria")


def takes_no_webhooks(door: Door) -> tuple[int, str]:
    return door.post(b'{"ref": "10001"}', to="mute")


@pytest.mark.parametrize(
    ("send", "status", "said", "outcome"),
    [
        (unsigned, 401, "the signature does not match", "unsigned"),
        (signed_for_another_body, 401, "the signature does not match", "unsigned"),
        (no_utf8_in_the_signature, 401, "the signature does not match", "unsigned"),
        (no_json, 400, "the body is no JSON", "malformed"),
        (no_utf8, 400, "the body is no JSON", "malformed"),
        (nothing_at_all, 400, "the body is no JSON", "malformed"),
        (words_missing, 400, "the content was not understood", "malformed"),
        (a_list, 400, "the content was not understood", "malformed"),
        (very_deep, 400, "the content was not understood", "malformed"),
        (said_to_be_too_large, 413, "the body is larger than 1048576 bytes", "too_large"),
        (too_large_in_pieces, 413, "the body is larger than 1048576 bytes", "too_large"),
        (no_such_connector, 404, "no connector jria is configured here", None),
        (takes_no_webhooks, 404, "mute takes no webhooks", None),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_is_told_in_a_sentence_and_counted_and_does_nothing(
    door: Door, send: object, status: int, said: str, outcome: str | None
) -> None:
    before = counted(outcome) if outcome else 0
    assert send(door) == (status, said + "\n")  # type: ignore[operator]
    assert not outcome or counted(outcome) == before + 1
    assert door.settle() == []
    assert door.queue.depth().waiting == 0


def test_a_webhook_that_takes_long_to_read_keeps_nobody_waiting(door: Door) -> None:
    door.unread.clear()
    with ThreadPoolExecutor(1) as stranger:
        slow = stranger.submit(door.post, b'{"ref": "1"}', to="slow")
        assert door.reading.wait(5)
        assert door.post(b'{"ref": "2"}')[0] == 202
        assert not slow.done()
        door.unread.set()
        assert slow.result()[0] == 404


def test_a_body_that_breaks_off_does_nothing(door: Door) -> None:
    head = b"POST /hooks/signing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as line:
        line.sendall(head)
    assert door.post(b'{"ref": "10002"}')[0] == 202
    assert door.settle() == ["10002"]


def test_the_largest_that_is_taken_is_a_mebibyte(door: Door) -> None:
    body = b'{"ref": "10001"}'.ljust(LARGEST)
    assert door.post(body)[0] == 202
    assert door.post(body + b" ")[0] == 413


def test_a_delivery_that_is_sent_again_is_accepted_and_does_nothing(door: Door) -> None:
    before = counted("replayed")
    assert [door.post(b'{"ref": "10001"}', "d1")[0], door.post(b'{"ref": "10001"}', "d1")[0]] == [202, 202]
    assert door.settle() == ["10001"]
    assert counted("replayed") == before + 1


def test_an_alert_is_answered_when_its_ticket_exists_and_else_asked_for_again(door: Door) -> None:
    create = door.tracker.create

    def down(*_: object) -> str:
        raise Temporary("could not create a ticket: HTTP 503")

    door.tracker.create = down  # type: ignore[method-assign]
    assert door.post(b'{"fingerprint": "checkout"}')[0] == 503
    assert door.tracker.tickets == {}
    door.tracker.create = create  # type: ignore[method-assign]
    assert door.post(b'{"fingerprint": "checkout"}')[0] == 202
    assert door.settle() == list(door.tracker.tickets)


def test_a_command_is_accepted_before_it_is_carried_out(door: Door) -> None:
    assert door.post(b'{"ref": "10001", "verb": "take"}', "c1")[0] == 202
    door.intake.close()
    assert door.settle() == ["10001"]


def test_another_method_is_refused(door: Door) -> None:
    assert door.ask("GET", "/hooks/signing")[0] == 405


# ---- how we are


def test_health_tells_the_state_of_each_product_and_of_the_work(door: Door) -> None:
    door.swept.last = door.swept.whole = NOON
    door.swept.listed = 12
    door.gate.shut("signing", NOON, "could not post to slack:#ops: HTTP 503", retry_after=60)
    status, said = door.ask("GET", "/healthz")
    assert status == 200
    assert json.loads(said) == {
        "status": "degraded",
        "products": {
            "signing": {
                "state": "temporary",
                "since": "2026-03-01T12:00:00+00:00",
                "until": "2026-03-01T12:01:00+00:00",
                "said": "could not post to slack:#ops: HTTP 503",
            }
        },
        "sweep": {"last": "2026-03-01T12:00:00+00:00", "whole": "2026-03-01T12:00:00+00:00", "tickets": 12},
        "queue": {"waiting": 0, "running": 0, "wakes": 0},
        "rules": {"count": 9, "digest": "abc"},
        "notices": {"lost rules": "3 of 9"},
    }


def test_ready_is_said_once_the_tracker_was_listed_and_until_we_stop(door: Door) -> None:
    said = [door.ask("GET", "/readyz")]
    door.swept.last = NOON
    said.append(door.ask("GET", "/readyz"))
    door.health.stopping = True
    said.append(door.ask("GET", "/readyz"))
    assert said == [(503, "the tracker has not been listed yet\n"), (200, "ready\n"), (503, "stopping\n")]


def test_metrics_count_what_came_in_and_show_the_queue(door: Door) -> None:
    door.post(b'{"ref": "10001"}')
    door.settle()
    door.queue.wake("10001", NOON + timedelta(hours=1))
    status, said = door.ask("GET", "/metrics")
    assert status == 200
    assert re.search(r'^pointman_webhooks_total\{connector="signing",outcome="accepted"\} [1-9]', said, re.MULTILINE)
    assert 'pointman_queue_tickets{state="wakes"} 1.0' in said
    assert 'pointman_product_up{connector="signing"} 1.0' in said
    assert "pointman_rules 9.0" in said


def test_nothing_that_is_told_holds_the_secret(door: Door) -> None:
    door.post(b"{")
    door.gate.shut("signing", NOON, f"a library said {SECRET}", retry_after=60)
    door.swept.said = f"a library said {SECRET}"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert SECRET not in door.ask("GET", path)[1]


def test_a_port_that_is_taken_is_an_error(door: Door) -> None:
    with pytest.raises(OSError, match="in use"):
        Server(app(Hooks({}, door.intake, lambda: door.now), door.health), "127.0.0.1", door.port).start()


# ---- what people ask for is written before it is answered


def test_a_click_is_answered_when_it_stands_on_the_ticket(door: Door) -> None:
    status, _ = door.post(b'{"verb": "take", "ref": "10001"}', "click-1")
    assert (status, door.done) == (202, ["click-1"])


def test_a_click_that_cannot_be_carried_out_is_answered_too(door: Door) -> None:
    status, _ = door.post(b'{"verb": "fail", "ref": "10001"}', "click-1")
    assert (status, door.done) == (202, ["click-1"])


def test_a_click_on_a_ticket_that_is_busy_is_answered_in_time_and_carried_out_afterwards(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.server.ANSWERED_WITHIN", 0.2)
    door.free.clear()
    door.queue.put("10001")
    while not door.looked:
        time.sleep(0.005)
    began = time.monotonic()
    status, _ = door.post(b'{"verb": "take", "ref": "10001"}', "click-1")
    assert (status, door.done) == (202, [])
    assert time.monotonic() - began >= 0.2
    assert door.post(b'{"verb": "take", "ref": "10001"}', "click-1")[0] == 202, "sent again it is taken once"
    door.free.set()
    assert door.queue.drain(timedelta(seconds=10))
    assert door.done == ["click-1"]
