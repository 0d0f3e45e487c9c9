"""The way of our requests: what the session says goes with each of them, and nothing is followed or repeated."""

import gzip
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread

import pytest
import requests
import urllib3

from connectors.http import session
from connectors.wire import Wire
from sandbox.http import Answer, Asked, Fault, Server

PATIENCE = (2.0, 2.0)


class Site:
    """A site that keeps what it was asked, and the way to it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: Callable[[Asked], Answer] = lambda asked: Answer(200, {"path": asked.path})
        self.server = Server(self.answer)
        self.wires: list[Wire] = []

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers(asked)

    def wire(self, made: requests.Session | None = None, url: str = "") -> Wire:
        self.wires.append(Wire(made or session(), url or self.server.url, PATIENCE))
        return self.wires[-1]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Site()
    with made.server:
        yield made
        for wire in made.wires:
            wire.close()


def test_the_sessions_headers_and_credentials_go_with_each_request_and_its_own_headers_win(site: Site) -> None:
    made = session()
    made.auth = ("pointman", "token")
    made.headers.update({"X-Ours": "always", "Content-Type": "text/plain"})
    wire = site.wire(made)
    for _ in range(2):
        url = f"{site.server.url}/a/b?c=d%20e"
        assert wire.send("PUT", url, b"{}", {"content-type": "application/json"}).json() == {"path": "/a/b"}
    assert [asked.query for asked in site.asked] == [{"c": "d e"}] * 2
    for asked in site.asked:
        assert asked.headers["authorization"].startswith("Basic ")
        assert asked.headers["x-ours"] == "always"
        assert asked.headers["content-type"] == "application/json"
        assert asked.body == b"{}"


def test_an_address_that_is_no_plain_text_is_written_as_one(site: Site) -> None:
    site.wire().send("GET", f"{site.server.url}/jira für alle/a%20b?q=ä\r\nX-Other: b", None, {})
    assert site.asked[0].path == "/jira für alle/a b"
    assert site.asked[0].query == {"q": "ä\r\nX-Other: b"}
    assert "x-other" not in site.asked[0].headers


def test_a_cookie_is_kept_and_sent_back(site: Site) -> None:
    site.answers = lambda asked: Answer(200, {}, {"Set-Cookie": "node=7; Path=/"})
    made = session()
    wire = site.wire(made)
    for _ in range(2):
        wire.send("GET", f"{site.server.url}/a", None, {})
    assert ["cookie" in asked.headers for asked in site.asked] == [False, True]
    assert site.asked[1].headers["cookie"] == "node=7"
    with made:
        made.get(f"{site.server.url}/b", timeout=2)
    assert site.asked[2].headers["cookie"] == "node=7", "the session's own calls belong to the same visit"


def test_nothing_is_followed(site: Site) -> None:
    site.answers = lambda asked: Answer(302, "", {"Location": f"{site.server.url}/elsewhere"})
    reply = site.wire().send("GET", f"{site.server.url}/a", None, {})
    assert (reply.status_code, reply.headers["location"]) == (302, f"{site.server.url}/elsewhere")
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_nothing_is_repeated(site: Site, status: int) -> None:
    site.answers = lambda asked: Answer(status, "", {"Retry-After": "0"})
    assert not site.wire().send("PUT", f"{site.server.url}/a", b"", {}).ok
    assert len(site.asked) == 1
    site.server.fail(Fault(lambda asked: True, drop=True, times=9))
    before = site.server.requests
    with pytest.raises(urllib3.exceptions.ProtocolError):
        site.wire().send("GET", f"{site.server.url}/a", None, {})
    assert site.server.requests - before == 1


def test_a_proxy_of_the_environment_is_told_the_whole_address(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.server.url)
    wire = site.wire(url="http://jira.example.org")
    assert wire.send("GET", "http://jira.example.org/jira/rest?x=1", None, {}).ok
    assert site.asked[0].headers["host"] == "jira.example.org"
    assert (site.asked[0].path, site.asked[0].query) == ("/jira/rest", {"x": "1"})


def test_loopback_needs_no_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert site.wire().send("GET", f"{site.server.url}/a", None, {}).ok


def test_another_site_is_another_wires(site: Site) -> None:
    with pytest.raises(ValueError, match="is not on"):
        site.wire().send("GET", f"{site.server.url}9/a", None, {})
    assert site.asked == []


def test_what_was_packed_is_unpacked(site: Site) -> None:
    packed = gzip.compress(b'{"a": 1}')
    site.answers = lambda asked: Answer(200, packed, {"Content-Encoding": "gzip"})
    reply = site.wire().send("GET", f"{site.server.url}/a", None, {})
    assert "gzip" in site.asked[0].headers["accept-encoding"]
    assert reply.json() == {"a": 1}
    site.answers = lambda asked: Answer(200, b"not packed at all", {"Content-Encoding": "gzip"})
    with pytest.raises(urllib3.exceptions.DecodeError):
        site.wire().send("GET", f"{site.server.url}/a", None, {})


def test_a_connection_is_used_again_until_the_site_closes_it(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        replies = [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
            b"HTTP/1.1 204 No Content\r\n\r\n",
        ]
        heard: list[list[bytes]] = []

        def serve() -> None:
            for answers in (replies[:2], replies[2:]):
                connection = listening.accept()[0]
                with connection:
                    heard.append([])
                    for answer in answers:
                        heard[-1].append(connection.recv(65536))
                        connection.sendall(answer)

        serving = Thread(target=serve)
        serving.start()
        wire = site.wire(url=url)
        said = [wire.send("POST", f"{url}/{number}", b"body", {}).content for number in range(3)]
        serving.join(5)
        assert said == [b"abcde", b"to the end", b""]
        assert [len(requests) for requests in heard] == [2, 1]
        assert all(request.endswith(b"\r\n\r\nbody") for requests in heard for request in requests), "in one piece"


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("cut off in its first line", b"HTTP/1.1 2"),
        ("cut off in its content", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        ("cut off in a chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"),
        ("no HTTP", b"SSH-2.0-OpenSSH_9\r\n"),
        ("nothing", b""),
    ],
)
def test_half_an_answer_is_none(site: Site, why: str, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def serve() -> None:
            with listening.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer)

        serving = Thread(target=serve)
        serving.start()
        with pytest.raises(urllib3.exceptions.ProtocolError):
            site.wire(url=url).send("PUT", f"{url}/a", b"{}", {})
        serving.join(5)


def test_an_answer_that_comes_letter_by_letter_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.wire.SLOW", 0.1)
    stop = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            taken, _ = listening.accept()
            with taken:
                taken.recv(65536)
                taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not stop.wait(0.02):
                    with suppress(OSError):
                        taken.sendall(b"x")

        thread = Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        wire = Wire(session(), url, (0.2, 0.2))
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            wire.send("GET", f"{url}/", None, {})
        stop.set()
        thread.join()
        wire.close()


def test_no_header_becomes_two(site: Site) -> None:
    with pytest.raises(ValueError, match="line break"):
        site.wire().send("GET", f"{site.server.url}/a", None, {"X-Name": "a\r\nX-Other: b"})
    assert site.asked == []
