"""The demonstration is played to its end by the command a newcomer types; its last line and its exit code are true."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

DEMO = (sys.executable, "-c", "import sys; from sync.cli import main; sys.exit(main())", "demo")
LAST = re.compile(r"checkout-down: 27 of 27 expectations held, (\d+) messages, lost 0, doubled 0, ([\d.]+) s")
TINY = """
name = "tiny"
channels = ["#incidents"]
[[step]]
at = "00:00"
by = "ann"
create = "it"
fields = { Summary = "Checkout is down", Service = "Checkout (prod)" }
[[expect]]
at = "00:00"
name = "it is high"
ticket = "it"
fields = { Severity = "High" }
"""


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.mark.long(12)
def test_the_shipped_scenario_holds_to_the_last_expectation() -> None:
    done = demo("--headless", "--speed", "600")
    lines = done.stdout.splitlines()
    found = LAST.fullmatch(lines[-1])
    assert found, done.stdout[-4000:] + done.stderr[-2000:]
    assert (done.returncode, done.stderr) == (0, "")
    assert int(found[1]) == 10, "a card, three calls, two pieces of news, a reminder, two updates, a warning"
    assert "Ann clicks “Take it” in #incidents" in done.stdout
    assert "pointman  OPS-1  severity = high  (A critical service is down)" in done.stdout
    assert "pointman  OPS-1  call tom  (Nobody has acknowledged, step 1)" in done.stdout
    assert "pointman  OPS-1  update management  (How it stands, while it is bad, every 12m)" in done.stdout
    assert "pointman  OPS-1  recovery = RTO: met, restored 09:" in done.stdout


@pytest.mark.long(12)
def test_the_same_scenario_and_rules_hold_with_the_tickets_in_servicenow() -> None:
    done = demo("--headless", "--speed", "600", "--tracker", "servicenow")
    assert LAST.fullmatch(done.stdout.splitlines()[-1]), done.stdout[-4000:] + done.stderr[-2000:]
    assert (done.returncode, done.stderr) == (0, "")
    assert "pointman  INC0010001  severity = high  (A critical service is down)" in done.stdout


def test_one_expectation_that_does_not_hold_is_told_and_is_the_exit_code(tiny: Path) -> None:
    tiny.write_text(TINY.replace('"High"', '"Low"'))
    done = demo("--headless", "--speed", "600", "--scenario", str(tiny))
    assert done.returncode == 1
    assert "Severity is High" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("tiny: 0 of 1 expectations held, 1 messages, lost 0, doubled 0, ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--speed", "0"), "--speed is between"),
        (("--scenario", "nowhere.toml"), "nowhere.toml cannot be read: No such file"),
        (("--nonsense",), "nonsense"),
        (("--tracker", "notes"), "invalid choice"),
        (("--with", "teams,fax"), "--with fax is not known; there are teams, email, none"),
    ],
)
def test_a_wrong_command_line_is_told_and_nothing_starts(arguments: tuple[str, ...], told: str) -> None:
    done = demo("--headless", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_scenario_is_told_with_its_place(tiny: Path) -> None:
    tiny.write_text(TINY.replace("fields = { Severity", "feilds = { Severity"))
    done = demo("--headless", "--scenario", str(tiny))
    assert done.returncode == 2
    assert "expect 1: feilds is not known here" in done.stderr


def test_the_page_stays_until_ctrl_c_which_ends_everything(tiny: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--port", "0", "--speed", "600", "--scenario", str(tiny)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while "the page stays" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found
        page = requests.get(found[0], timeout=5)
        assert (page.status_code, "Checkout is down" in page.text) == (200, True)
        assert 'id="teams"' in page.text, "with a page there are Teams and the mailboxes"
        assert 'id="mail"' in page.text
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - asked < 10
    assert rest.splitlines()[-1].startswith("tiny: 1 of 1 expectations held")
    with pytest.raises(requests.ConnectionError):
        requests.get(found[0], timeout=2)
