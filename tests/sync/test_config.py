"""Settings: every mistake is told at once, where it was made, with the nearest right word, and no secret with it."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.problems import Problems
from sync.config import Config, load, moment

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
JIRA = """
[connectors.jira]
url = "https://example.atlassian.net"
user = "bot@example.org"
token = "env/JIRA_TOKEN"
project = ["OPS"]
"""
SLACK = """
[connectors.slack]
token = "xoxb-very-secret"
signing_secret = "file:{folder}/signing"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JIRA_TOKEN", "jira-very-secret")
    (tmp_path / "signing").write_text("signing-very-secret\n")
    return tmp_path


def read(folder: Path, text: str) -> Config:
    (folder / "config.toml").write_text(text.replace("{folder}", str(folder)))
    return load(folder / "config.toml")


def wrong(folder: Path, text: str) -> str:
    """What is told of a wrong file, with the folder left out."""
    with pytest.raises(Problems) as told:
        read(folder, text)
    said = str(told.value).replace(str(folder) + "/", "")
    assert "very-secret" not in said
    assert "very-secret" not in repr(told.value)
    return said


def test_a_whole_file_is_read(folder: Path) -> None:
    config = read(
        folder,
        """
home = "OPS-1"
rules = ["rules.d", "more.toml"]
start = 2026-03-01T12:00:00+01:00
mode = "watch"
grace = "1d12h"
watch = "slack:#pointman"
emergency = "slack:#war-room"
[defaults]
severity = "medium"
[server]
host = "0.0.0.0"
port = 8443
[sweep]
every = "5s"
full = 600
concurrency = 8
[floods]
edits = 20
"""
        + JIRA
        + SLACK,
    )
    assert config.tracker == "jira"
    assert config.rule_paths == (folder / "rules.d", folder / "more.toml")
    assert config.start == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert (config.mode, config.grace) == ("watch", timedelta(hours=36))
    assert (config.server.host, config.server.port) == ("0.0.0.0", 8443)
    assert (config.sweep.every, config.sweep.full) == (timedelta(seconds=5), timedelta(minutes=10))
    assert (config.floods.edits, config.floods.calls) == (20, 10)
    assert config.secrets() == {"jira-very-secret", "xoxb-very-secret", "signing-very-secret"}
    site = config.site()
    assert (site.home, site.watch, site.emergency) == ("OPS-1", ("slack", "#pointman"), ("slack", "#war-room"))
    assert site.defaults == {"severity": "medium"}


def test_a_short_file_is_enough(folder: Path) -> None:
    config = read(folder, JIRA)
    assert (config.tracker, config.mode, config.rules) == ("jira", "on", ("rules.d",))
    assert (config.server.port, config.sweep.concurrency, config.site().watch) == (8480, 32, None)


def test_no_secret_is_printed_with_the_settings(folder: Path) -> None:
    config = read(folder, JIRA + SLACK)
    assert "very-secret" not in repr(config) + str(config) + repr(config.connectors) + config.model_dump_json()


def test_what_is_wrong_is_told_all_at_once_where_it_stands(folder: Path) -> None:
    said = wrong(
        folder,
        """
mod = "on"
mode = "onn"
grace = "1 day"
start = 2026-01-01T00:00:00
watch = "slak:#x"
emergency = "#x"
[server]
prot = 1
port = "first"
[connectors.jira]
url = "https://example.atlassian.net"
token = "env/JIRA_TOKN"
projects = ["very-secret"]
[connectors.slak]
token = "very-secret"
""",
    )
    assert said == (
        """\
config.toml:2:1  no setting mod; did you mean mode?
    mod = …
    ^^^
config.toml:3:8  must be off, watch or on
    mode = "onn"
           ^^^^^
config.toml:4:9  1 day is no duration; write "1d"
    grace = "1 day"
            ^^^^^^^
config.toml:5:9  a moment needs its zone; write it as 2026-01-31T09:30:00Z
    start = 2026-01-01T00:00:00
            ^^^^^^^^^^^^^^^^^^^
config.toml:7:13  must be a product's own address; such as slack:#pointman
    emergency = "#x"
                ^^^^
config.toml:9:1  no setting prot; did you mean port?
    prot = …
    ^^^^
config.toml:10:8  must be a whole number
    port = "first"
           ^^^^^^^
config.toml:13:9  the environment variable JIRA_TOKN is not set; did you mean JIRA_TOKEN?
    token = "env/JIRA_TOKN"
            ^^^^^^^^^^^^^^^
config.toml:14:1  no setting projects; did you mean project?
    projects = …
    ^^^^^^^^
config.toml:15:13  there is no connector slak; did you mean slack?
    [connectors.slak]
                ^^^^"""
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no tracker is configured; add a table such as [connectors.jira]"),
        (SLACK, "no tracker is configured; add a table such as [connectors.jira]"),
        ("tracker = 'jria'" + JIRA, "1:11  no tracker jria is configured; did you mean jira?"),
        ("tracker = 'slack'" + JIRA + SLACK, "1:11  no tracker slack is configured; there are: jira"),
        (
            JIRA + JIRA.replace("jira]", "other]\nuse = 'jira'"),
            'several trackers: jira, other; say which: tracker = "jira"',
        ),
        ("connectors = 5", "1:14  must be a table"),
        ("[connectors]\njira = 'x'", "2:8  a connector is a table; write [connectors.jira] and its settings below it"),
        ("[connectors.prod]\nuse = 'jria'", "2:7  there is no connector jria; did you mean jira?"),
        (
            "[connectors.telephone]\nrecipe = 'twilio'" + JIRA,
            '1:13  there is no connector telephone; write use = "…" with what it is: email, ical, jira',
        ),
        ("watch = 'slak:#x'" + JIRA + SLACK, "1:9  no connector slak is configured; did you mean slack?"),
        ("[sweep]\nevery = '0s'" + JIRA, "2:9  0s is no time at all; a duration is above zero"),
        ("[sweep]\nevery = -1" + JIRA, "2:9  must be longer than nothing"),
        ("[sweep]\nconcurrency = 0" + JIRA, "2:15  must be greater than or equal to 1"),
        ("server = 5" + JIRA, "1:10  must be a table"),
        ("rules = 5" + JIRA, "1:9  must be a list"),
        ("home = 5" + JIRA, "1:8  must be text, in quotes"),
        ("start = 'soon'" + JIRA, "1:9  must be a moment, such as 2026-01-31T09:30:00Z"),
        ("home = OPS-1", "1:8  not TOML: invalid value"),
        ("[server]\n[server]", "2:"),
        ("[connectors.jira]\ntoken = 'x'", "1:1  the setting url is missing"),
        ("[connectors.slack]\ntoken = 5" + JIRA, "2:9  must be text, in quotes"),
        ("[connectors.slack]\ntoken = 'file:/nowhere/at/all'" + JIRA, "2:9  the secret file /nowhere/at/all cannot be"),
        ("[connectors.slack]\ntoken = 'x'\ntimeout = 100" + JIRA, "3:11  must be less than or equal to 60"),
    ],
)
def test_each_mistake_is_said_in_words(folder: Path, text: str, said: str) -> None:
    assert said in wrong(folder, text).splitlines()[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[connectors.slack]\ntokn = 'very-secret'", "    tokn = …\n    ^^^^"),
        ("[connectors.slack]\ntoken = very-secret", "    token = …\n            ^"),
        ("[connectors.slack]\ntoken = 'x'\ntimeout = 'very-secret'", "    timeout = …\n              ^"),
        ("[connectors.jira.values.severity]\nhigh = [\n5,'very-secret',\n]", ""),
        ("[connectors]\nslack = { tokn = 'very-secret' }", "    slack = …\n            ^"),
        (
            "[connectors.slack]\ntoken = 'env/SLACK_TOKEN'",
            "    token = 'env/SLACK_TOKEN'\n            ^^^^^^^^^^^^^^^^^",
        ),
    ],
)
def test_the_line_of_a_mistake_is_shown_without_what_may_be_a_secret(folder: Path, text: str, shown: str) -> None:
    assert shown in wrong(folder, text)


def test_a_file_that_is_no_utf8_is_told_with_its_line(folder: Path) -> None:
    (folder / "config.toml").write_bytes(b'home = "OPS-1"\n# \xff\n')
    with pytest.raises(Problems, match=r"config\.toml:2:3  this is not UTF-8; save the file as UTF-8"):
        load(folder / "config.toml")


def test_a_missing_file_is_an_error_not_an_empty_one(folder: Path) -> None:
    with pytest.raises(Problems, match=r"config\.toml  there is no such file; begin with pointman init"):
        load(folder / "config.toml")


# ---- the environment


def with_environment(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_the_environment_goes_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_environment(
        monkeypatch,
        {
            "POINTMAN_HOME": "OPS-9",
            "POINTMAN_RULES": "elsewhere.d",
            "POINTMAN_SERVER__PORT": "9000",
            "POINTMAN_SWEEP": '{"every": "2s"}',
            "POINTMAN_SWEEP__CONCURRENCY": "4",
            "POINTMAN_CONNECTORS__JIRA__TOKEN": "12345",
            "POINTMAN_CONNECTORS__JIRA__PROJECT": '["WEB", "OPS"]',
        },
    )
    config = read(folder, "home = 'OPS-1'\n[server]\nhost = '::1'\n[sweep]\nfull = '1h'" + JIRA)
    assert (config.home, config.rules, config.server.host, config.server.port) == (
        "OPS-9",
        ("elsewhere.d",),
        "::1",
        9000,
    )
    assert (config.sweep.every, config.sweep.full, config.sweep.concurrency) == (
        timedelta(seconds=2),
        timedelta(hours=1),
        4,
    )
    jira = config.connectors["jira"]
    assert jira.token.get_secret_value() == "12345", "a token of digits is no number"
    assert list(jira.project) == ["WEB", "OPS"]


def test_a_list_of_rules_comes_as_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTMAN_RULES", '["a.d", "b.d"]')
    assert read(folder, JIRA).rules == ("a.d", "b.d")


def test_a_misspelt_variable_is_told_with_the_nearest_right_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_environment(
        monkeypatch,
        {
            "POINTMAN_SERVR__PORT": "9000",
            "POINTMAN_SERVER__PROT": "9000",
            "POINTMAN_HOEM": "OPS-1",
            "POINTMAN_PORT": "9000",
            "POINTMAN_FLOODS": "many",
            "POINTMAN_SWEEP__EVERY": "often",
            "POINTMAN_CONNECTORS__JIRA__TOKN": "very-secret",
            "POINTMAN_CONNECTORS__JRIA__TOKEN": "very-secret",
        },
    )
    assert wrong(folder, JIRA).splitlines() == [
        "POINTMAN_CONNECTORS__JIRA__TOKN  no such setting; did you mean POINTMAN_CONNECTORS__JIRA__TOKEN?",
        "POINTMAN_CONNECTORS__JRIA__TOKEN  there is no connector jria; did you mean jira?",
        "POINTMAN_FLOODS  must be JSON; or set its values one by one, as POINTMAN_FLOODS__NAME",
        "POINTMAN_HOEM  no such setting; did you mean POINTMAN_HOME?",
        "POINTMAN_PORT  no such setting; did you mean POINTMAN_SERVER__PORT?",
        "POINTMAN_SERVER__PROT  no such setting; did you mean POINTMAN_SERVER__PORT?",
        "POINTMAN_SERVR__PORT  no such setting; did you mean POINTMAN_SERVER__PORT?",
        'POINTMAN_SWEEP__EVERY  often is no duration; write it like "1h30m", in the units w d h m s',
    ]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_nobodys_mistake(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_environment(
        monkeypatch,
        {
            "POINTMAN_SERVICE_HOST": "10.0.0.1",
            "POINTMAN_SERVICE_PORT": "80",
            "POINTMAN_SERVICE_PORT_HTTP": "80",
            "POINTMAN_PORT": "tcp://10.0.0.1:80",
            "POINTMAN_PORT_80_TCP": "tcp://10.0.0.1:80",
            "POINTMAN_PORT_80_TCP_ADDR": "10.0.0.1",
            "POINTMAN_CONFIG": "config.toml",
        },
    )
    assert read(folder, JIRA).server.port == 8480


def test_dotenv_beside_the_file_gives_secrets_and_never_goes_over_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOTENV_ONLY", "to be undone after the test")
    monkeypatch.delenv("DOTENV_ONLY")
    (folder / ".env").write_text("JIRA_TOKEN=another\nDOTENV_ONLY=from-dotenv\n")
    config = read(folder, JIRA.replace("[connectors.jira]", "[connectors.jira]\nwebhook_secret = 'env/DOTENV_ONLY'"))
    assert config.secrets() == {"jira-very-secret", "from-dotenv"}
    assert os.environ["JIRA_TOKEN"] == "jira-very-secret"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('tenant = "contoso"', "is not written as it must be; it is: the directory (tenant) id"),
        ('channels = { "Operations/Incidents" = "19:x@thread.tacv" }', "it is: ids of channels by name, as"),
    ],
)
def test_what_is_not_written_as_it_must_be_is_told_in_words_and_no_pattern(
    tmp_path: Path, table: str, said: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[connectors.msteams]\nuse = "teams"\n{table}\n')
    with pytest.raises(Problems) as told:
        load(path)
    assert said in str(told.value)
    assert "^" not in "".join(problem.message + problem.hint for problem in told.value.problems)


# ---- anything at all


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(text=st.text(max_size=60) | st.from_regex(r"[a-z]{1,9} = [\[\]{}\"'a-z0-9.,= ]{0,20}\n?", fullmatch=True))
def test_no_file_makes_anything_but_problems(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load(tmp_path / "config.toml")
    except Problems as told:
        assert told.problems  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-01-31T09:30Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31T10:30+01:00", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_on_the_command_line(text: str, said: datetime) -> None:
    assert moment(text) == said


@pytest.mark.parametrize(
    ("text", "said"), [("yesterday", "yesterday is no moment"), ("2026-01-31T09:30", "names no zone")]
)
def test_what_is_no_moment_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        moment(text)


def test_a_file_that_is_nested_too_deeply_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"x = {'[' * 2_000}{']' * 2_000}\n")
    with pytest.raises(Problems, match="nested too deeply"):
        load(path)


def test_a_connector_by_whose_ids_people_are_known_has_to_be_there(folder: Path) -> None:
    said = wrong(
        folder,
        """
[connectors.jira]
url = "https://example.atlassian.net"
user = "pointman@example.org"
token = "secret"
[connectors.phone]
use = "webhook"
recipe = "pagerduty"
token = "secret"
people = "jria"
""",
    )
    assert said == (
        """\
config.toml:10:10  no connector jria is configured; did you mean jira?
    people = …
             ^\
"""
    )
