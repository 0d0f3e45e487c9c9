"""The way of our requests: what the session says goes with each of them, and nothing is followed or repeated."""

from collections.abc import Callable, Iterator

import pytest
import requests
import urllib3

from connectors.http import Wire, session
from sandbox.http import Answer, Asked, Fault, Server

PATIENCE = (2.0, 2.0)


class Site:
    """A site that keeps what it was asked, and the way to it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: Callable[[Asked], Answer] = lambda asked: Answer(200, {"path": asked.path})
        self.server = Server(self.answer)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers(asked)

    def wire(self, made: requests.Session | None = None) -> Wire:
        return Wire(made or session(), self.server.url, PATIENCE)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Site()
    with made.server:
        yield made


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


def test_a_cookie_is_kept_and_sent_back(site: Site) -> None:
    site.answers = lambda asked: Answer(200, {}, {"Set-Cookie": "node=7; Path=/"})
    made = session()
    wire = site.wire(made)
    for _ in range(2):
        wire.send("GET", f"{site.server.url}/a", None, {})
    assert ["cookie" in asked.headers for asked in site.asked] == [False, True]
    assert site.asked[1].headers["cookie"] == "node=7"
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
    wire = Wire(session(), "http://jira.example.org", PATIENCE)
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
