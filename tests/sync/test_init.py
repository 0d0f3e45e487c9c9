"""`pointman init`: what it asks, what it refuses, what it writes, and that it changes nothing else."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sandbox.http import Answer, Fault
from sandbox.jira.world import Flavour, Site, standard
from sync.cli import placing
from sync.cli.app import app
from tests.sync.beginning import TOKENS, Products, Terminal, live, products

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
WRITTEN = {"config.toml", "rules.d/00-company.toml", "rules.d/10-start.toml", ".env"}
SCHEMAS = {"schema/config.schema.json", "schema/rules.schema.json"}


@pytest.fixture(params=["cloud", "datacenter"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Products]:
    with products() as there:
        live(there, monkeypatch)
        yield there


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# ---- what comes out


def test_what_it_writes_passes_the_live_check(
    tmp_path: Path, flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    with products(flavour) as there:
        live(there, monkeypatch)
        there.jira.create({"summary": "Checkout is down"})
        done = call("init", tmp_path / "here", *there.flags)
        assert done.exit_code == 0, done.output
        assert files(tmp_path / "here") == WRITTEN | SCHEMAS
        for name in TOKENS:
            monkeypatch.delenv(name)  # from now on they come from .env
        checked = call("check", "--live", "--config", tmp_path / "here/config.toml")
        assert (checked.exit_code, checked.output.splitlines()[-1]) == (0, "1 warning"), checked.output
        assert there.homes() == ["OPS-2"]
        said = {
            "cloud": "signed in to Jira as Pointman (pointman@example.org)",
            "datacenter": "signed in to Jira as Pointman (pointman@example.org)",
        }
        assert said[flavour] in done.output
        assert "pointman plan OPS-1" in done.output


def test_it_watches_asks_for_changes_and_begins_now(tmp_path: Path, made: Products) -> None:
    assert call("init", tmp_path, *made.flags).exit_code == 0
    said = tomllib.loads((tmp_path / "config.toml").read_text())
    assert (said["mode"], said["watch"], said["home"]) == ("watch", "slack:#pointman", "OPS-1")
    assert timedelta(0) <= said["start"] - made.jira.clock.now() <= timedelta(seconds=2)
    assert said["server"]["host"] == "127.0.0.1"
    jira, slack = said["connectors"]["jira"], said["connectors"]["slack"]
    assert (jira["token"], slack["token"], slack["app_token"]) == tuple(f"env/{name}" for name in TOKENS)
    assert jira["fields"]["affected_users"] == "customfield_10053"
    assert jira["hold"] == {"statuses": ["10005"]}
    assert jira["phases"] == {"closed": ["10003"]}
    assert jira["values"]["service"]["checkout-prod"] == "Checkout (prod)"
    assert slack["channels"]["#incidents"] == made.slack.state.named("incidents").id


def without_own_fields() -> Site:
    """A site as it comes: no field that somebody added, and the usual priorities."""
    site = standard()
    return replace(site, fields={id_: field for id_, field in site.fields.items() if not field.custom})


def test_where_no_field_is_called_severity_every_priority_gets_a_level(
    tmp_path: Path, flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    with products(flavour, without_own_fields()) as there:
        live(there, monkeypatch)
        done = call("init", tmp_path, *there.flags)
        assert done.exit_code == 0, done.output
        said = tomllib.loads((tmp_path / "config.toml").read_text())
        jira = said["connectors"]["jira"]
        assert jira["fields"] == {"severity": "priority", "service": "components"}
        assert jira["values"]["severity"] == {"high": ["High", "Highest"], "medium": "Medium", "low": ["Low", "Lowest"]}
        assert said["defaults"] == {"severity": "medium"}, "Jira's own choice is nobody's"
        there.jira.clock.advance(timedelta(minutes=1))
        key = there.jira.create({"summary": "Checkout is down"})
        planned = call("plan", key, "--config", tmp_path / "config.toml")
        assert "severity = high" in planned.output
        tried = call("test", "--strict", "--config", tmp_path / "config.toml")
        assert tried.exit_code == 0, tried.output


def test_the_tests_that_come_with_the_rules_pass_and_touch_them_all(tmp_path: Path, made: Products) -> None:
    assert call("init", tmp_path, *made.flags).exit_code == 0
    done = call("test", "--strict", "--config", tmp_path / "config.toml")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("5 tests passed")


def test_it_changes_nothing_but_the_home_ticket(tmp_path: Path, made: Products) -> None:
    made.jira.create({"summary": "Checkout is down"})
    before = made.jira.views()
    assert call("init", tmp_path, *made.flags).exit_code == 0
    assert [view for view in made.jira.views() if view["key"] not in made.homes()] == before
    assert not any(channel.messages for channel in made.slack.state.channels.values())


def test_what_runs_then_tells_a_private_channel_and_writes_nothing_but_its_ledger(
    tmp_path: Path, flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    with products(flavour) as there:
        live(there, monkeypatch)
        assert call("init", tmp_path, *there.flags).exit_code == 0
        there.jira.clock.advance(timedelta(minutes=1))
        key = there.jira.create({"summary": "Checkout is down", "customfield_10051": "Checkout (prod)"})
        before, asked = there.jira.view(key), len(there.server.seen)
        there.jira.clock.run(60)  # places want a second between two messages
        assert call("sweep", "--once", "--config", tmp_path / "config.toml").exit_code == 0
        after, state = there.jira.view(key), there.slack.state
        written = {request.path.rpartition("/issue/")[2] for request, _ in there.server.seen[asked:] if request.body}
        assert written == {f"{after['id']}/properties/pointman"}
        assert {**after, "properties": {}} == before
        assert not state.named("incidents").messages
        assert not any(channel.messages for channel in state.channels.values() if channel.is_im)
        told = " ".join(message.text for message in state.named("pointman").messages)
        assert "I would have" in told
        assert "severity = high" in told
        assert there.homes()[0] not in told, "the home ticket is older than the start"


def test_programs_are_told_what_was_made_and_what_comes_next(tmp_path: Path, made: Products) -> None:
    made.jira.create({"summary": "Checkout is down"})
    done = CliRunner().invoke(app, ["init", str(tmp_path), *made.flags, "--format", "json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"], told["home"], told["example"]) == (0, True, "OPS-2", "OPS-1")
    assert {str(Path(file).relative_to(tmp_path)) for file in told["files"]} == WRITTEN | SCHEMAS
    assert told["next"][-2:] == ["pointman plan OPS-1", "pointman run"]


def test_two_people_with_one_name_are_two(tmp_path: Path, made: Products) -> None:
    made.slack.state.person("maria2", "maria@example.com", "Maria Two")
    assert call("init", tmp_path, *made.flags, "--person", "maria@example.com").exit_code == 0
    people = tomllib.loads((tmp_path / "rules.d/00-company.toml").read_text())["people"]
    assert len(people) == 2


def test_nobody_named_is_the_account_itself(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, *made.flags[:-2])
    assert done.exit_code == 0, done.output
    people = tomllib.loads((tmp_path / "rules.d/00-company.toml").read_text())["people"]
    assert people == {"pointman": {"name": "Pointman", "jira": "712020:0aa1c7e0"}}


def test_a_watch_channel_that_everybody_reads_is_pointed_out(tmp_path: Path, made: Products) -> None:
    made.slack.state.named("pointman").is_private = False
    done = call("init", tmp_path, *made.flags)
    assert done.exit_code == 0
    assert "note: #pointman is a public channel" in done.output


def test_the_people_are_known_in_both_products_or_said_not_to_be(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, *made.flags, "--person", "nobody@example.org")
    people = tomllib.loads((tmp_path / "rules.d/00-company.toml").read_text())["people"]
    maria = next(p for p in made.slack.state.people.values() if p.name == "maria")
    assert people["maria"] == {
        "name": "Maria Keller",
        "email": "maria@example.org",
        "jira": "5b10a2844c20165700ede21g",
        "slack": maria.id,
    }
    assert "nobody in Jira or Slack has the address nobody@example.org: left out" in done.output
    assert set(people) == {"maria"}, "who cannot be reached is not on call"


def with_levels(*names: str) -> Site:
    site = standard()
    severity = replace(site.fields["customfield_10050"], options={str(n): name for n, name in enumerate(names)})
    return replace(site, fields={**site.fields, severity.id: severity})


@pytest.mark.parametrize("names", [("P1", "P2"), ("Ja", "Nein"), ("Nur eine",), ("High", "Medium"), ("Major", "Minor")])
def test_a_site_of_few_levels_has_rules_for_these(
    tmp_path: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with products("cloud", with_levels(*names)) as there:
        live(there, monkeypatch)
        done = call("init", tmp_path, *there.flags)
        assert done.exit_code == 0, done.output
        tried = call("test", "--strict", "--config", tmp_path / "config.toml")
        assert tried.exit_code == 0, tried.output


def test_no_name_in_a_product_breaks_a_file_or_moves_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, site = '\x1b]0;x\x07\x7f\x9b2J"]\n[evil]', standard()
    fields = {
        **site.fields,
        "customfield_10051": replace(
            site.fields["customfield_10051"], name="Service\x1b\x7f\ud800", options={"1": bad}
        ),
        "customfield_10050": replace(site.fields["customfield_10050"], name="[Severity]"),
    }
    closed = replace(site.statuses["10003"], name="Closed\x1b")
    shop = replace(site.projects["OPS"], name=bad)
    odd = replace(site, fields=fields, statuses={**site.statuses, "10003": closed}, projects={"OPS": shop})
    with products("cloud", odd) as there:
        live(there, monkeypatch)
        done = call("init", tmp_path, *there.flags)
        assert done.exit_code == 0, done.output
        assert not {"\x1b", "\x07", "\x7f", "\x9b"} & set(done.output)
        assert "evil" not in tomllib.loads((tmp_path / "config.toml").read_text())


def test_a_project_may_be_said_in_small_letters(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, *made.flags, "--jira-project", "ops")
    assert done.exit_code == 0, done.output
    assert tomllib.loads((tmp_path / "config.toml").read_text())["connectors"]["jira"]["project"] == ["OPS"]


@pytest.mark.parametrize("name", [".env", "config.toml", "rules.d/10-start.toml"])
def test_a_folder_in_the_place_of_a_file_is_told_before_anything_is_tried(
    tmp_path: Path, made: Products, name: str
) -> None:
    (tmp_path / name).mkdir(parents=True)
    done = call("init", tmp_path, *made.flags, "--force")
    assert (done.exit_code, made.homes()) == (1, [])
    assert f"{name} is a folder" in done.output


def test_a_file_in_the_place_of_a_folder_is_told_before_anything_is_tried(tmp_path: Path, made: Products) -> None:
    (tmp_path / "rules.d").write_text("")
    done = call("init", tmp_path, *made.flags)
    assert (done.exit_code, made.homes()) == (1, [])
    assert "rules.d is a file" in done.output


def test_a_secrets_file_in_another_encoding_is_kept_as_it_is(tmp_path: Path, made: Products) -> None:
    (tmp_path / ".env").write_bytes("OTHER=Müller\n".encode("latin-1"))
    assert call("init", tmp_path, *made.flags).exit_code == 0
    assert (tmp_path / ".env").read_bytes().startswith(b"OTHER=M\xfcller\n")
    assert call("check", "--config", tmp_path / "config.toml").exit_code == 0


def test_what_was_found_is_folded_to_the_terminal(
    tmp_path: Path, made: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = call("init", tmp_path, *made.flags)
    lines = [line for line in done.output.splitlines() if str(tmp_path) not in line and "check --live" not in line]
    assert max(map(len, lines)) <= 80
    assert "; on hold is\n    Waiting" in done.output or "on hold is Waiting" in done.output


# ---- secrets


def test_no_secret_stands_anywhere_but_in_a_file_for_its_owner(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, *made.flags)
    env = tmp_path / ".env"
    assert env.stat().st_mode & 0o777 == 0o600
    for secret in made.secrets:
        assert secret in env.read_text()
        assert secret not in done.output
        assert not [name for name in files(tmp_path) - {".env"} if secret in (tmp_path / name).read_text()]


def test_without_a_secrets_file_the_variables_are_named(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, *made.flags, "--no-env")
    assert files(tmp_path) == (WRITTEN | SCHEMAS) - {".env"}
    assert "set JIRA_TOKEN, SLACK_APP_TOKEN, SLACK_BOT_TOKEN in the environment" in done.output


def test_what_else_stands_in_a_secrets_file_stays(tmp_path: Path, made: Products) -> None:
    (tmp_path / ".env").write_text("# ours\nOTHER='a ${b}'\nexport JIRA_TOKEN=old-one\n")
    done = call("init", tmp_path, *made.flags)
    assert (done.exit_code, files(tmp_path), made.homes()) == (2, {".env"}, [])
    assert "has another JIRA_TOKEN; --force writes over it" in done.output
    assert call("init", tmp_path, *made.flags, "--force").exit_code == 0
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines[:3] == ["# ours", "OTHER='a ${b}'", f"JIRA_TOKEN={made.jira.token}"]


def test_a_secrets_file_that_others_may_read_is_warned_of(tmp_path: Path, made: Products) -> None:
    assert call("init", tmp_path, *made.flags).exit_code == 0
    (tmp_path / ".env").chmod(0o644)
    done = call("check", "--config", tmp_path / "config.toml")
    assert done.exit_code == 0
    assert "warning: others on this machine may read the secrets in it; chmod 600 .env" in done.output


@pytest.mark.parametrize("value", ["plain", "with blank", "it's", "a\\b", "${HOME}", "#x", "a=b", '"quoted"'])
def test_every_secret_is_read_as_it_was_written(tmp_path: Path, value: str) -> None:
    from sync.config import dotenv

    (tmp_path / ".env").write_text(placing.with_secrets("", {"TOKEN": value}))
    assert dotenv(tmp_path / ".env") == {"TOKEN": value}


@pytest.mark.parametrize(
    ("there", "expected"),
    [(None, ".env\n"), ("*.pyc", "*.pyc\n.env\n"), ("/.env\n", "/.env\n")],
)
def test_git_is_kept_away_from_the_secrets(tmp_path: Path, made: Products, there: str | None, expected: str) -> None:
    folder = tmp_path / "ops"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    if there is not None:
        (folder / ".gitignore").write_text(there)
    assert call("init", folder, *made.flags).exit_code == 0
    assert (folder / ".gitignore").read_text() == expected
    ignored = subprocess.run(["git", "-C", folder, "check-ignore", ".env"], capture_output=True, check=False)
    assert ignored.returncode == 0


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path, made: Products) -> None:
    for flag in (("--jira-token", "hush-hush"), ("--slack-app-token=hush-hush",)):
        done = call("init", tmp_path, *made.flags, *flag)
        assert (done.exit_code, files(tmp_path)) == (2, set())
        assert "secrets are no options" in done.output
        assert "hush" not in done.output


# ---- what it refuses


def test_what_is_missing_is_named_at_once(tmp_path: Path, made: Products, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TOKENS:
        monkeypatch.delenv(name)
    done = call("init", tmp_path, "--yes")
    assert (done.exit_code, files(tmp_path)) == (2, set())
    for part in ("--jira-url (or JIRA_URL)", *(f"the environment variable {name}" for name in TOKENS)):
        assert part in done.output


def test_a_time_zone_that_is_none_is_told_before_anything_is_tried(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, *made.flags, "--timezone", "Europe/Berln")
    assert (done.exit_code, done.output) == (2, "there is no time zone Europe/Berln; did you mean Europe/Berlin?\n")
    assert made.server.seen == []


def test_what_only_the_product_knows_to_be_missing_is_named_in_its_turn(tmp_path: Path, made: Products) -> None:
    done = call("init", tmp_path, "--jira-url", made.server.url)
    assert (done.exit_code, done.output.splitlines()[-1]) == (2, "missing: --jira-user (or JIRA_USER)")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"JIRA_TOKEN": "wrong-token-1"}, "check the credentials"),
        ({"SLACK_BOT_TOKEN": "xoxb-wrong-1"}, "invalid_auth; check the token"),
        ({"SLACK_BOT_TOKEN": "wrong-token-2"}, "it begins with xoxb-"),
        ({"SLACK_APP_TOKEN": "xapp-wrong-1"}, "invalid_auth; check the token"),
        ({"JIRA_PROJECT": "NOPE"}, "there is no project NOPE, or the account may not see it; there are: OPS"),
        ({"JIRA_URL": "http://127.0.0.1:9"}, "there is no Jira at http://127.0.0.1:9: no connection"),
        ({"JIRA_URL": "https://ann:secret-word@jira.example.org"}, "holds credentials"),
        ({"SLACK_CHANNEL": "#elsewhere"}, "the app is a member of no channel #elsewhere; invite it with /invite"),
        ({"SLACK_WATCH": "#incidents"}, "hears of incidents already"),
        ({"SLACK_WATCH": "incidents"}, "hears of incidents already"),
    ],
)
def test_a_wrong_answer_is_told_in_a_sentence_and_nothing_is_left(
    tmp_path: Path, made: Products, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    made.slack.state.channel("#elsewhere", member=False)
    answers = dict(zip(("JIRA_URL", "JIRA_USER", "JIRA_PROJECT"), (made.flags[1], made.flags[3], "OPS"), strict=True))
    for name, value in {**answers, **change}.items():
        monkeypatch.setenv(name, value)
    done = call("init", tmp_path / "here")
    assert done.exit_code == 1
    assert said in done.output
    assert not (tmp_path / "here").exists()
    assert made.homes() == []
    for secret in (*made.secrets, *change.values(), "secret-word"):
        assert secret not in done.output or secret in {
            "NOPE",
            "#elsewhere",
            "#incidents",
            "incidents",
            "http://127.0.0.1:9",
        }


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(made: Products) -> None:
    done = call("init", "/proc/pointman", *made.flags)
    assert done.exit_code == 1
    assert done.output.startswith("nothing can be written in /proc/pointman: ")
    assert made.homes() == []


def test_when_one_file_cannot_be_written_none_is(tmp_path: Path, made: Products) -> None:
    (tmp_path / "schema/rules.schema.json").mkdir(parents=True)  # in the way
    done = call("init", tmp_path, *made.flags)
    assert done.exit_code == 1
    assert "nothing was written: " in done.output
    assert files(tmp_path) == set()


def test_files_that_are_brought_back_are_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"old \xff")
    (tmp_path / "one").chmod(0o640)
    (tmp_path / "two").mkdir()
    with pytest.raises(OSError):  # noqa: PT011  (whichever it is)
        placing.place([placing.File(tmp_path / "one", "new"), placing.File(tmp_path / "two", "new")])
    assert (tmp_path / "one").read_bytes() == b"old \xff"
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_second_time_writes_over_nothing_and_makes_no_second_home(tmp_path: Path, made: Products) -> None:
    assert call("init", tmp_path, *made.flags).exit_code == 0
    (tmp_path / "rules.d/10-start.toml").write_text("# mine\n")
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    done = call("init", tmp_path, *made.flags)
    assert done.exit_code == 2
    assert "--force writes over it" in done.output
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before
    again = call("init", tmp_path, *made.flags, "--force")
    assert "found the home ticket OPS-1" in again.output
    assert (tmp_path / "rules.d/10-start.toml").read_text() != "# mine\n"
    assert made.homes() == ["OPS-1"]


def test_where_no_ticket_can_be_made_for_it_one_can_be_named(tmp_path: Path, made: Products) -> None:
    made.jira.traps.denied.add("CREATE_ISSUES")
    done = call("init", tmp_path, *made.flags)
    assert (done.exit_code, files(tmp_path)) == (1, set())
    assert "could not create a ticket" in done.output
    assert "--home KEY" in done.output


def test_a_home_ticket_that_is_named_is_taken(tmp_path: Path, made: Products) -> None:
    key = made.jira.create({"summary": "For Pointman"})
    done = call("init", tmp_path, *made.flags, "--home", key)
    assert (done.exit_code, made.homes()) == (0, [])
    assert tomllib.loads((tmp_path / "config.toml").read_text())["home"] == key


# ---- in a terminal


@pytest.fixture
def terminal(tmp_path: Path, made: Products) -> Iterator[Terminal]:
    bare = {name: value for name, value in made.environment.items() if name not in TOKENS}
    opened = Terminal(("init", "here"), tmp_path, bare)
    yield opened
    opened.close()


def sign_in(terminal: Terminal, made: Products) -> None:
    terminal.expect("your-site.atlassian.net): ")
    terminal.type(made.server.url)
    terminal.expect("e-mail address: ")
    terminal.type("pointman@example.org")
    terminal.expect("(Data Center): ")


def test_a_person_is_asked_and_asked_again_and_secrets_are_not_shown(
    tmp_path: Path, made: Products, terminal: Terminal
) -> None:
    sign_in(terminal, made)
    terminal.type("a-wrong-token")
    terminal.expect("check the credentials")
    terminal.expect("e-mail address: ")
    terminal.type("pointman@example.org")
    terminal.expect("(Data Center): ")
    terminal.type(made.jira.token)
    terminal.expect("signed in to Jira as Pointman (pointman@example.org)")
    terminal.expect("Which projects? Their keys [OPS]: ")
    terminal.type("")
    terminal.expect("(xoxb-…): ")
    terminal.type(made.slack.state.token)
    terminal.expect("signed in to Slack as pointman in the workspace Sandbox")
    terminal.expect("(xapp-…): ")
    terminal.type(made.slack.state.app_token)
    terminal.expect("Which channel hears of incidents? [#incidents]: ")
    terminal.type("#nowhere")
    terminal.expect("the app is a member of no channel #nowhere")
    terminal.expect("[#incidents]: ")
    terminal.type("")
    terminal.expect("[#pointman]: ")
    terminal.type("")
    terminal.expect("Time zone of rules and texts [Europe/Berlin]: ")
    terminal.type("Berlin")
    terminal.expect("there is no time zone Berlin; ")
    terminal.expect("[Europe/Berlin]: ")
    terminal.type("")
    terminal.expect("lead first [pointman@example.org]: ")
    terminal.type("maria@example.org, tom@example.org")
    assert terminal.end() == 0, terminal.shown
    assert files(tmp_path / "here") == WRITTEN | SCHEMAS
    for secret in (*made.secrets, "a-wrong-token"):
        assert secret not in terminal.shown
    assert tomllib.loads((tmp_path / "here/rules.d/00-company.toml").read_text())["people"].keys() == {"maria", "tom"}


def test_after_an_outage_nothing_is_asked_twice(tmp_path: Path, made: Products) -> None:
    made.server.fail(Fault(lambda asked: asked.path.endswith("/statuses"), Answer(500, None), times=3))
    opened = Terminal(("init", "here", *made.flags), tmp_path, made.environment)
    try:
        opened.expect("HTTP 500). Try again? [y/N]: ")
        opened.type("y")
        for question in ("[#incidents]: ", "[#pointman]: ", "Time zone of rules and texts [Europe/Berlin]: "):
            opened.expect(question)
            opened.type("")
        assert opened.end() == 0, opened.shown
    finally:
        opened.close()
    assert files(tmp_path / "here") == WRITTEN | SCHEMAS


def test_whoever_breaks_off_leaves_nothing(tmp_path: Path, made: Products, terminal: Terminal) -> None:
    sign_in(terminal, made)
    terminal.interrupt()
    assert terminal.end() == 1
    assert "stopped; nothing was written" in terminal.shown
    assert files(tmp_path) == set()
    assert made.homes() == []


def test_a_file_that_is_there_is_shown_with_what_would_change_and_kept(tmp_path: Path, made: Products) -> None:
    (tmp_path / "config.toml").write_text('home = "OLD-1"\n')
    opened = Terminal(("init", ".", *made.flags), tmp_path, made.environment)
    try:
        for question in ("[#incidents]: ", "[#pointman]: ", "Time zone of rules and texts [Europe/Berlin]: "):
            opened.expect(question)
            opened.type("")
        shown = opened.expect("Write over config.toml?")
        assert '-home = "OLD-1"' in shown
        opened.type("n")
        assert opened.end() == 1
    finally:
        opened.close()
    assert files(tmp_path) == {"config.toml"}
    assert (tmp_path / "config.toml").read_text() == 'home = "OLD-1"\n'


def test_help_names_every_flag_and_every_variable(made: Products) -> None:
    done = call("init", "--help")
    assert done.exit_code == 0
    for part in ("--jira-url", "--slack-watch", "--timezone", "--force", *TOKENS):
        assert part in done.output
