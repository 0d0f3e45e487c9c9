"""The workbench over HTTP: what it shows, what a change would make, and that nobody else gets at it or through it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.process import COMPANY, Pointman
from sandbox.world import World
from sync import config as settings
from sync.cli.playing import Playground, Wanted
from sync.config import Config
from sync.workbench.files import RuleFiles
from tests.sync.installation import RULES, install

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"
NAME = "rules.d/rules.toml"
LADDER = 'after = "5m"'


@dataclass
class Bench:
    """A workbench that answers, and the world that it looks at."""

    world: World
    config: Path
    url: str

    @property
    def file(self) -> Path:
        return self.config.parent / NAME

    def ticket(self, summary: str = "Checkout is down", **fields: Any) -> str:
        return self.world.create("ann", {"Summary": summary, **fields})

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query, timeout=10)

    def post(self, path: str, **said: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=said, timeout=10)

    def difference(self, text: str, key: str, **more: str) -> dict[str, Any]:
        told: dict[str, Any] = self.post("difference", name=NAME, text=text, key=key, **more).json()
        return told


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def opened(config: Path, *, may_apply: bool = False) -> Iterator[str]:
    playground = Playground(settings.load(config), Wanted(may_apply=may_apply))
    try:
        yield f"http://127.0.0.1:{playground.start()}/workbench/"
    finally:
        playground.stop()


@pytest.fixture
def bench(world: World, tmp_path: Path) -> Iterator[Bench]:
    """One that may write."""
    config = install(tmp_path, world)
    for url in opened(config, may_apply=True):
        yield Bench(world, config, url)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One that may write, for tests that change nothing."""
    with World() as world:
        config = install(tmp_path_factory.mktemp("shared"), world)
        world.create("ann", {"Summary": "Checkout is down"})
        for url in opened(config, may_apply=True):
            yield Bench(world, config, url)


@pytest.fixture
def read_only(world: World, tmp_path: Path) -> Iterator[Bench]:
    config = install(tmp_path, world)
    for url in opened(config):
        yield Bench(world, config, url)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One whose tracker does not answer."""
    with World() as world:
        config = away(tmp_path_factory.mktemp("offline"), world)
        for url in opened(config):
            yield Bench(world, config, url)


def lines(html: str) -> str:
    """The words of a page, without its markup, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def stands(said: str, status: str, what: str) -> bool:
    """Whether a line of a plan is among these words, whatever its time."""
    return re.search(rf"\b{status} ((\w+ \d+ \w+ )?\d\d:\d\d )?{re.escape(what)}", said) is not None


def moments(bench: Bench, key: str) -> list[dict[str, str]]:
    """The stops of the slider."""
    told = bench.get("fragment", key=key).text
    found: list[dict[str, str]] = json.loads(unescape(told.split('data-moments="')[1].split('"')[0]))
    return found


# ---- what is shown

CLOCK = """
[[objective]]
id = "answer"
start = "created"
stop = "acknowledged"
within = "1h"
steps = [{ at = "50%", to = ["slack:#incidents"] }]
"""


def test_a_ticket_wears_its_clocks(bench: Bench) -> None:
    bench.file.write_text(bench.file.read_text() + CLOCK)
    key = bench.ticket()
    told = bench.get("fragment", key=key).text
    assert re.search(r'wb-clock-on-track">answer 1h: until [^<]*, on track<', told)
    bench.world.clock.advance(timedelta(minutes=40))
    assert 'wb-clock-at-risk">answer 1h' in bench.get("fragment", key=key).text


def test_a_restricted_ticket_is_on_no_page(bench: Bench) -> None:
    key, other = bench.ticket(), bench.ticket()
    rules = bench.config.parent / "rules.d" / "90-restrict.toml"
    when = f'when = \'summary == "Checkout is down" and key == "{key}"\''
    rules.write_text(f'[[restrict]]\nid = "secret"\n{when}\nto = ["slack:#security"]\n')
    said = lines(bench.get("fragment", key=key).text)
    assert "is restricted, so no page shows it" in said
    assert "Checkout" not in said
    assert "Checkout is down" in lines(bench.get("fragment", key=other).text)


def test_a_ticket_is_shown_with_what_happens_next_and_why(bench: Bench) -> None:
    key = bench.ticket()
    said = lines(bench.get("fragment", key=key).text)
    assert f"{key} Checkout is down" in said
    assert stands(said, "NOW", "severity = high")
    assert stands(said, "NEXT", "call #incidents unless acknowledged")
    assert "fired down severity = high by" in said
    assert 'mentions(summary, "down") yes summary is Checkout is down' in said


def test_what_a_mute_holds_says_so_and_comes_when_it_ends(bench: Bench) -> None:
    now = bench.world.clock.now()
    until = (now + timedelta(hours=2)).replace(microsecond=0)
    bench.file.write_text(f'{RULES}\n[[mute]]\nid = "move"\nmutes = ["escalate"]\nuntil = {until:%Y-%m-%dT%H:%M:%SZ}\n')
    key = bench.ticket()
    said = lines(bench.get("fragment", key=key).text)
    assert stands(said, "HELD", "call #incidents muted by move until")
    assert re.search(rf"muted by move unacknowledged until (\d+ \w+ (\d+ )?)?{until:%H:%M}", said)
    assert "fired move mutes escalate until" in said
    assert moments(bench, key)[-1]["what"] == "call #incidents"
    then = lines(bench.get("fragment", key=key, at=moments(bench, key)[-1]["iso"]).text)
    assert stands(then, "NOW", "call #incidents")


def test_a_rule_that_did_not_fire_says_which_part_kept_it(bench: Bench) -> None:
    said = lines(bench.get("fragment", key=bench.ticket("All is well")).text)
    assert 'did not card severity == "high", but severity is empty' in said


def test_at_a_later_moment_what_comes_has_come(bench: Bench) -> None:
    key = bench.ticket()
    due = moments(bench, key)[-1]["iso"]
    said = lines(bench.get("fragment", key=key, at=due).text)
    assert "as it will be" in said
    assert stands(said, "DONE", "severity = high")
    assert stands(said, "NOW", "call #incidents")
    hour = (bench.world.clock.now() + timedelta(hours=1)).isoformat()
    assert stands(lines(bench.get("fragment", key=key, at=hour).text), "DONE", "call #incidents")


def test_at_an_earlier_moment_the_ticket_is_as_it_was(bench: Bench) -> None:
    key = bench.ticket("All is well")
    before = bench.world.clock.now()
    bench.world.clock.advance(timedelta(minutes=10))
    bench.world.change("bob", key, {"Summary": "Checkout is down"})
    assert "severity = high" in lines(bench.get("fragment", key=key).text)
    then = lines(bench.get("fragment", key=key, at=before.isoformat()).text)
    assert "All is well" in then
    assert "as it was" in then
    assert "Rules, people and schedules are today's" in then
    assert "severity = high" not in then


def test_the_moments_of_a_ticket_go_from_its_creation_to_what_comes_last(bench: Bench) -> None:
    found = moments(bench, bench.ticket())
    assert [one["kind"] for one in found] == ["past", "now", "coming"]
    assert "created" in found[0]["what"]
    assert found[-1]["what"] == "call #incidents"


def test_what_stands_on_a_ticket_is_never_markup(bench: Bench) -> None:
    key = bench.ticket(f"{ATTACK} is down", Description=ATTACK)
    told = bench.get("fragment", key=key).text
    wrong = f'{RULES}\n[[notify]]\nid = "loud"\nto = ["slack:#incidents"]\ntext = "{{{{ summary }}}}"\n'
    for html in (told, bench.difference(wrong, key)["html"], bench.get("", key=ATTACK).text):
        assert "<script>alert" not in html
        assert "<img" not in html
    assert "&lt;script&gt;" in told


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 200, "No ticket is opened"),
        ({"key": "OPS-999"}, 502, "could not read OPS-999"),
        ({"key": "../../etc/passwd"}, 502, "could not read"),
        ({"key": "OPS-1", "at": "yesterday"}, 400, "yesterday is no moment; write it as"),
        ({"key": "OPS-1", "at": "2026-01-01T00:00"}, 400, "names no zone"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(shared: Bench, query: Any, status: int, said: str) -> None:
    answer = shared.get("fragment", **query)
    assert (answer.status_code, said in answer.text) == (status, True)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00Z"])
def test_no_moment_is_too_far_away(shared: Bench, at: str) -> None:
    assert shared.get("fragment", key=shared.ticket(), at=at).status_code == 200


# ---- files and problems


def test_a_problem_is_told_with_its_place_in_characters(shared: Bench) -> None:
    text = RULES.replace("'severity == \"high\"'", "'summary == \"🔥é\" and prioritty == 1'", 1)
    (problem,) = shared.post("check", name=NAME, text=text).json()["problems"]
    line = text.split("\n")[problem["line"] - 1]
    begin = problem["column"] - 1
    assert line[begin : begin + problem["length"]] == "prioritty"
    assert (problem["file"], problem["level"]) == (NAME, "error")
    assert problem["message"] == "notify card: no field prioritty"


def test_rules_that_are_fine_have_no_problems(shared: Bench) -> None:
    assert shared.post("check", name=NAME, text=RULES).json() == {"problems": []}


def test_files_that_are_changed_together_are_checked_together(bench: Bench) -> None:
    (bench.file.parent / "20-more.toml").write_text('[places.desk]\nslack = "#incidents"\n')
    text = RULES.replace('["slack:#incidents"]', '["place:board"]', 1)
    alone = bench.post("check", name=NAME, text=text).json()["problems"]
    beside = {"rules.d/20-more.toml": '[places.board]\nslack = "#incidents"\n'}
    assert [one["message"] for one in alone] == ["notify card: no place board"]
    assert bench.post("check", name=NAME, text=text, texts=beside).json() == {"problems": []}


def test_packs_in_use_are_shown_and_cannot_be_edited(bench: Bench) -> None:
    bench.file.write_text(RULES.replace('timezone = "UTC"', 'timezone = "UTC"\npacks = ["incident"]'))
    by_name = {file["name"]: file for file in bench.get("files").json()}
    assert by_name["packs/incident.toml"]["editable"] is False
    assert "[[classify]]" in by_name["packs/incident.toml"]["text"]
    assert bench.post("apply", name="packs/incident.toml", text="").status_code == 409


def test_the_rules_of_the_demonstration_are_read_within_a_tenth_of_a_second_at_each_key(tmp_path: Path) -> None:
    folder = tmp_path / "rules.d"
    folder.mkdir()
    for file in (COMPANY / "rules.d").glob("*.toml"):
        (folder / file.name).write_text(file.read_text())
    world_less = '[connectors.jira]\nurl = "http://127.0.0.1:1"\nuser = "a@b.example"\ntoken = "t"\nproject = ["OPS"]\n'
    (tmp_path / "config.toml").write_text(world_less)
    files = RuleFiles(settings.load(tmp_path / "config.toml"))
    name = files.listed()[0].name
    text = files.listed()[0].text
    took = []
    for key in range(5):
        began = time.process_time()  # another process may have the machine for longer than this takes
        files.reading({name: f"{text}\n# {key}"})
        took.append(time.process_time() - began)
    assert min(took) < 0.1


# ---- the difference


def test_a_later_call_is_one_line_that_changed(bench: Bench) -> None:
    key = bench.ticket()
    told = bench.difference(RULES.replace(LADDER, 'after = "9m"'), key)
    assert told["problems"] == []
    assert told["html"].count("wb-is-changed") == 1
    assert "wb-is-added" not in told["html"]
    assert "wb-is-gone" not in told["html"]


def test_what_a_change_adds_and_takes_away_is_told(bench: Bench) -> None:
    key = bench.ticket()
    ladder = RULES.index("[[escalate]]")
    told = bench.difference(
        RULES[:ladder] + '[[notify]]\nid = "board"\nto = ["slack:#incidents"]\ntext = "hello"\n', key
    )
    said = lines(told["html"])
    assert "added NOW" in said
    assert "gone NEXT" in said
    assert "escalate unacknowledged : fired → not there" in said
    assert "notify board : not there → fired" in said


def test_a_change_that_makes_none_is_told_as_such(bench: Bench) -> None:
    told = bench.difference(RULES + "# only a remark\n", bench.ticket())
    assert "makes no difference" in told["html"]


def test_the_difference_is_that_of_the_moment_asked_for(bench: Bench) -> None:
    key = bench.ticket("All is well")
    then = bench.world.clock.now().isoformat()
    bench.world.clock.advance(timedelta(minutes=10))
    bench.world.change("bob", key, {"Summary": "Checkout is down"})
    bench.get("fragment", key=key)
    changed = RULES.replace('text = "{{ key }}: {{ summary }}"', 'text = "{{ key }}"')
    assert "wb-is-changed" in bench.difference(changed, key)["html"]
    assert "wb-is-changed" not in bench.difference(changed, key, at=then)["html"]


def test_other_open_tickets_that_a_change_concerns_are_counted(bench: Bench) -> None:
    key, other, third = bench.ticket(), bench.ticket("Search is down"), bench.ticket("All is well")
    for each in (key, other, third):
        bench.get("fragment", key=each)
    said = lines(bench.difference(RULES.replace(LADDER, 'after = "9m"'), key)["html"])
    assert f"It changes something for 1 of 2 other open tickets: {other} 1" in said


def test_a_text_with_problems_has_no_difference(bench: Bench) -> None:
    told = bench.difference(RULES + "[[classify]]\n", bench.ticket())
    assert told["problems"]
    assert "Not before the problems are mended" in told["html"]


def test_rules_that_are_broken_on_the_disk_are_mended_here(bench: Bench) -> None:
    key = bench.ticket()
    bench.file.write_text(RULES.replace('"high" }', '"hihg" }'))
    assert "mend them first" in bench.get("fragment", key=key).text
    assert "added NOW" in lines(bench.difference(RULES, key)["html"])
    assert bench.post("apply", name=NAME, text=RULES).status_code == 200
    assert stands(lines(bench.get("fragment", key=key).text), "NOW", "severity = high")


# ---- made-up tickets


@pytest.mark.parametrize(
    "words",
    [
        'summary = "Search is down"\nassignee = "tom"',
        'ticket = { summary = "Search is down", assignee = "tom" }',
        '  { summary = "Search is down", assignee = "tom" }\n',
    ],
)
def test_a_ticket_can_be_made_up_of_the_words_of_a_test(shared: Bench, words: str) -> None:
    told = shared.post("ticket", text=words).json()
    said = lines(shared.get("fragment", key=told["key"]).text)
    assert f"{told['key']} Search is down" in said
    assert stands(said, "NOW", "severity = high")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('summary = "x"\nsevrity = "high"', "line 2: no field sevrity, did you mean severity?\n"),
        ('{ summary = "x", severity = "hihg" }', "line 1: no level of severity hihg, did you mean high?\n"),
        ("nothing", "line 1: not TOML"),
        ("{", "line 1: not TOML"),
        ("", ""),
    ],
)
def test_a_mistake_in_made_up_words_is_told_at_its_line(shared: Bench, words: str, said: str) -> None:
    answer = shared.post("ticket", text=words)
    assert answer.text.startswith(said)
    assert answer.status_code == (400 if said else 200)


def issue(status: str = "new", **fields: Any) -> dict[str, Any]:
    """A ticket as Jira answers it."""
    shown = {
        "summary": "Search is down",
        "created": "2026-11-23T08:00:00.000+0000",
        "updated": "2026-11-23T08:30:00.000+0000",
        "status": {"id": "77", "name": "Odd", "statusCategory": {"key": status}},
        "reporter": {"accountId": "u1", "displayName": "Ann"},
        "customfield_10050": None,
        **fields,
    }
    return {"id": "10042", "key": "OPS-42", "fields": shown, "changelog": {"histories": [], "total": 0}}


def away(tmp_path: Path, world: World) -> Path:
    """An installation whose tracker does not answer."""
    config = install(tmp_path, world)
    config.write_text(config.read_text().replace(world.server.url, "http://127.0.0.1:1"))
    return config


@pytest.mark.parametrize(
    ("status", "phase"), [("new", "new"), ("indeterminate", "active"), ("done", "resolved"), ("?", "active")]
)
@pytest.mark.parametrize("around", ["{}", '{{"issues": [{}]}}', '{{"webhookEvent": "x", "issue": {}}}'])
def test_a_ticket_can_be_pasted_as_jira_answers_it_without_any_tracker(
    status: str, phase: str, around: str, offline: Bench
) -> None:
    key = offline.post("ticket", text=around.format(json.dumps(issue(status)))).json()["key"]
    told = offline.get("fragment", key=key)
    said = lines(told.text)
    assert key == "OPS-42 (pasted)"
    assert "OPS-42 (pasted) Search is down" in said
    assert f'wb-phase">{phase}<' in told.text
    assert stands(said, "NOW", "severity = high")


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ({"key": "OPS-42"}, "could not read this as a ticket of Jira: id is missing; copy the answer of"),
        ({**issue(), "fields": []}, "could not read this as a ticket of Jira: fields is a list, and not an object"),
        (issue(created="yesterday"), "could not read this as a ticket of Jira: a value in it is not as Jira writes it"),
        ({"issues": []}, "could not read this as a ticket of Jira: id is missing"),
    ],
)
def test_what_is_pasted_and_is_no_ticket_says_why(pasted: dict[str, Any], said: str, offline: Bench) -> None:
    answer = offline.post("ticket", text=json.dumps(pasted))
    assert (answer.status_code, answer.text[: len(said)]) == (400, said)


def test_what_a_tracker_answers_can_be_pasted_with_its_history(bench: Bench) -> None:
    key = bench.ticket()
    bench.world.change("bob", key, {"Summary": "Checkout is down again"})
    raw = requests.get(
        f"{bench.world.server.url}/rest/api/2/issue/{key}",
        params={"expand": "changelog"}, auth=("pointman@example.org", bench.world.jira.token), timeout=10,
    ).text  # fmt: skip
    made = bench.post("ticket", text=raw).json()["key"]
    assert "summary = Checkout is down again" in str(moments(bench, made))


def test_a_page_needs_no_tracker_for_a_made_up_ticket(tmp_path: Path, world: World) -> None:
    config = install(tmp_path, world)
    config.write_text(config.read_text().replace(world.server.url, "http://127.0.0.1:1"))
    for url in opened(config):
        bench = Bench(world, config, url)
        assert bench.get("fragment", key="OPS-1").status_code == 502
        key = bench.post("ticket", text='summary = "Search is down"').json()["key"]
        assert stands(lines(bench.get("fragment", key=key).text), "NOW", "severity = high")


# ---- writing


def test_an_applied_text_stands_in_the_file(bench: Bench) -> None:
    bench.file.chmod(0o640)
    text = RULES.replace(LADDER, 'after = "9m"')
    assert bench.post("apply", name=NAME, text=text).status_code == 200
    assert bench.file.read_text() == text
    assert bench.file.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in bench.file.parent.iterdir()] == ["rules.toml"]
    assert bench.get("files").json()[0]["text"] == text


def test_line_ends_and_links_stay_what_they_are(bench: Bench) -> None:
    real = bench.config.parent / "elsewhere.toml"
    real.write_bytes(b"\xef\xbb\xbf" + RULES.replace("\n", "\r\n").encode())
    bench.file.unlink()
    bench.file.symlink_to(real)
    text = RULES.replace(LADDER, 'after = "9m"')
    assert bench.get("files").json()[0]["text"] == RULES
    assert bench.post("apply", name=NAME, text=text).status_code == 200
    assert bench.file.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


def test_what_has_problems_or_was_changed_meanwhile_is_not_written(bench: Bench) -> None:
    (known,) = (file["sum"] for file in bench.get("files").json())
    wrong = bench.post("apply", name=NAME, text=RULES + "[[classify]]\n")
    bench.file.write_text(RULES + "# by somebody else\n")
    late = bench.post("apply", name=NAME, text=RULES + "# by me\n", sum=known)
    nowhere = bench.post("apply", name="../../etc/passwd", text="")
    assert [answer.status_code for answer in (wrong, late, nowhere)] == [409, 409, 409]
    assert "has problems" in wrong.text
    assert "changed on the disk" in late.text
    assert bench.file.read_text() == RULES + "# by somebody else\n"


def test_a_page_that_is_read_only_writes_nothing_at_all(read_only: Bench) -> None:
    bench = read_only
    key = bench.ticket()
    before = repr(bench.world.jira.issues), bench.file.read_bytes()
    bench.get("", key=key)
    bench.get("fragment", key=key)
    bench.difference(RULES.replace(LADDER, 'after = "9m"'), key)
    bench.post("ticket", text='summary = "Search is down"')
    refused = bench.post("apply", name=NAME, text=RULES + "# me\n")
    assert (refused.status_code, "read only" in refused.text) == (403, True)
    assert [file["applies"] for file in bench.get("files").json()] == [False]
    assert (repr(bench.world.jira.issues), bench.file.read_bytes()) == before
    assert key in before[0]


# ---- who may ask


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_from_elsewhere_reads_and_writes_nothing(shared: Bench, headers: dict[str, str]) -> None:
    for path in ("", "files", "fragment?key=OPS-1", "static/workshared.js"):
        assert requests.get(f"{shared.url}{path}", headers=headers, timeout=5).status_code == 403, path
    said = {"name": NAME, "text": RULES + "# evil\n"}
    answer = requests.post(f"{shared.url}apply", json=said, headers=headers, timeout=5)
    assert answer.status_code == 403
    assert "evil" not in shared.file.read_text()


def test_our_own_page_may_ask(shared: Bench) -> None:
    origin = shared.url.removesuffix("/workbench/")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert requests.get(f"{shared.url}files", headers=headers, timeout=5).status_code == 200


def test_a_form_that_any_page_can_send_is_no_request(shared: Bench) -> None:
    said = json.dumps({"name": NAME, "text": RULES + "# evil\n"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = requests.post(f"{shared.url}apply", data=said, headers={"content-type": kind}, timeout=5)
        assert answer.status_code == 415
    assert "evil" not in shared.file.read_text()


ODD = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b'{"name": 1, "text": 2, "key": 3}',
    b'{"name": "rules.d/rules.toml", "text": null, "key": "OPS-1"}',
    b'{"name": "rules.d/rules.toml", "text": "\\ud800", "key": "OPS-1"}',
    b'{"name": "rules.d/rules.toml", "text": "x", "key": "OPS-1", "at": 5}',
    b'{"name": "rules.d/rules.toml", "text": "x", "key": "OPS-1", "texts": [1]}',
    b'{"name": "rules.d/rules.toml", "text": "x", "texts": {"a": 1}}',
    b'{"name": "nothing.toml", "text": "", "key": "OPS-1"}',
    b'{"text": {"a": 1}}',
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
]


@pytest.mark.parametrize("path", ["check", "difference", "apply", "ticket"])
@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_an_odd_request_is_refused_in_a_sentence(shared: Bench, path: str, body: bytes) -> None:
    answer = requests.post(f"{shared.url}{path}", data=body, headers={"content-type": "application/json"}, timeout=10)
    assert answer.status_code < 500
    assert "terminal" not in answer.text
    if answer.status_code != 200:  # what one path refuses another has no use for, or finds empty and fine
        assert answer.text.strip().endswith((".", "?"))
    assert shared.file.read_text() == RULES


@pytest.mark.parametrize("text", ["\0", "\ufeff", "[" * 5000, "a = " + "[" * 5000, '"' * 3000, "x\r\ny", "\u2028 = 1"])
def test_an_odd_text_has_problems_and_does_no_harm(shared: Bench, text: str) -> None:
    told = shared.post("difference", name=NAME, text=text, key=shared.ticket())
    assert told.status_code == 200
    assert told.json()["problems"]


def test_what_is_too_large_is_not_read(shared: Bench) -> None:
    large = b'{"name": "' + b"x" * 1_100_000 + b'"}'
    headers = {"content-type": "application/json"}
    told = requests.post(f"{shared.url}check", data=large, headers=headers, timeout=10)
    untold = requests.post(
        f"{shared.url}check", data=iter([large[:600_000], large[600_000:]]), headers=headers, timeout=10
    )
    assert (told.status_code, untold.status_code) == (413, 413)


@pytest.mark.parametrize(
    "path", ["static/../server.py", "static/%2e%2e/server.py", "static/x.css", "nothing", "../etc"]
)
def test_there_is_nothing_else(shared: Bench, path: str) -> None:
    assert shared.get(path).status_code == 404
    assert requests.put(f"{shared.url}{path}", timeout=5).status_code in {404, 405}


@pytest.mark.parametrize(
    "path", ["", "fragment", "files", "static/workbench.js", "static/toml.js", "static/workbench.css", "nothing"]
)
def test_every_answer_says_what_a_browser_may_do_with_it(shared: Bench, path: str) -> None:
    headers = shared.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_only_this_machine_is_listened_to(shared: Bench) -> None:
    port = int(shared.url.split(":")[2].split("/")[0])
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", port))  # free: it is no wildcard


# ---- the command


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process, killed at the end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


PLAYGROUND = (sys.executable, "-c", "import sys; from sync.cli import main; sys.exit(main())", "playground")


def test_the_command_tells_its_address_and_ends_when_asked(tmp_path: Path, world: World) -> None:
    config = install(tmp_path, world)
    key = world.create("ann", {"Summary": "Checkout is down"})
    with started([*PLAYGROUND, "--config", str(config), key]) as playing:
        assert playing.stdout is not None
        said = playing.stdout.readline()
        address = said.removeprefix("Look at ").split()[0]
        assert said == f"Look at {address} (Ctrl-C ends it)\n"
        assert f'data-key="{key}"' in requests.get(address, timeout=5).text
        playing.send_signal(signal.SIGINT)
        assert playing.wait(15) == 0


def test_embedded_it_ends_with_whoever_started_it(tmp_path: Path, world: World) -> None:
    config = install(tmp_path, world)
    starts = (
        "import subprocess, sys, time; child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True);"
        "print(child.pid, child.stdout.readline(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", starts, *PLAYGROUND, "--embedded", "--config", str(config)]
    with started(command) as parent:
        assert parent.stdout is not None
        child, _, _, address = parent.stdout.readline().split()[:4]
    until = time.monotonic() + 15
    while time.monotonic() < until:
        try:
            requests.get(address, timeout=1)
            time.sleep(0.1)
        except requests.RequestException:
            return
    os.kill(int(child), signal.SIGKILL)
    pytest.fail("it outlived its parent")


def test_a_port_that_is_taken_is_told(tmp_path: Path, world: World) -> None:
    config = install(tmp_path, world)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*PLAYGROUND, "--config", config, "--port", str(port)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"could not listen on 127.0.0.1:{port}: ")


def test_the_configuration_may_be_anywhere(tmp_path: Path, world: World) -> None:
    config = install(tmp_path, world)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-rules"
    elsewhere.mkdir()
    (elsewhere / "own.toml").write_text('[places.desk]\nslack = "#incidents"\n')
    config.write_text(f'rules = ["rules.d", "{elsewhere}"]\n{config.read_text()}')
    read: Config = settings.load(config)
    assert [file.name for file in RuleFiles(read).listed()] == [str(elsewhere / "own.toml"), NAME]


def test_a_running_pointman_takes_up_what_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with World(channels=("#incidents", "#management")) as world:
        pointman = Pointman(world, tmp_path, lambda line: heard.append(str(line.get("event"))))
        pointman.install()
        pointman.start()
        try:
            pointman.wait()
            for name, value in pointman.environment().items():
                monkeypatch.setenv(name, value)
            for url in opened(pointman.config, may_apply=True):
                bench = Bench(world, pointman.config, url)
                file = bench.get("files").json()[0]
                text = file["text"] + '\n[change."incident.card"]\nmode = "off"\n'
                assert bench.post("apply", name=file["name"], text=text, sum=file["sum"]).status_code == 200
                until = time.monotonic() + 20
                while "rules replaced" not in heard and time.monotonic() < until:
                    time.sleep(0.05)
        finally:
            pointman.stop()
    assert "rules replaced" in heard
