"""`pointman init` with ServiceNow, Teams and e-mail: what it writes passes the live check, and plans a ticket."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sandbox.clock import Clock
from sandbox.http import Server
from sandbox.mail import MailSandbox
from sandbox.servicenow import ServiceNowState
from sandbox.servicenow.state import LEDGER
from sandbox.teams import TeamsSandbox
from sync.cli.app import app
from tests.connectors import instances, teams_tenant
from tests.connectors.contracts import CONTRACTS
from tests.sync.beginning import Terminal, products

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OURS, MAILBOX = "pointman@example.org", "mailbox-password-0000"
WRITTEN = {".env", "config.toml", "rules.d/00-company.toml", "rules.d/10-start.toml"}


@dataclass
class Company:
    """An instance, a tenant with two channels, and a mail server; `flags` and `secrets` are what must be said."""

    snow: ServiceNowState
    teams: TeamsSandbox
    mail: MailSandbox
    url: str
    channels: dict[str, str] = field(default_factory=dict)

    def flags(self, *messengers: str) -> tuple[str, ...]:
        state = self.teams.state
        of: dict[str, tuple[str, ...]] = {
            "teams": (
                *("--teams-tenant", state.entra.tenant, "--teams-app-id", state.app.id),
                *("--teams-channel", self.channels["Incidents"], "--teams-watch", self.channels["Pointman"]),
            ),
            "teams_webhook": (),
            "email": (
                *("--email-sender", f"Pointman <{OURS}>", "--email-server", f"127.0.0.1:{self.mail.smtp_port}"),
                *("--email-user", "none", "--email-to", "incidents@example.org", "--email-watch", "ops@example.org"),
            ),
        }
        own = ("--tracker", "servicenow", "--servicenow-url", self.url, "--servicenow-user", "pointman")
        said = (flag for name in messengers for flag in of[name])
        return (*own, "--with", ",".join(messengers), *said, "--person", "maria@example.org")

    @property
    def secrets(self) -> dict[str, str]:
        return {"SERVICENOW_PASSWORD": self.snow.password, "TEAMS_SECRET": self.teams.state.app.secret}

    def environment(self, *messengers: str) -> dict[str, str]:
        """The secrets, and where the sandbox's Teams is."""
        if "teams" not in messengers:
            return {**self.secrets, "TZ": "Europe/Berlin"}
        prefix = "POINTMAN_CONNECTORS__MSTEAMS__"
        more = {
            "SERVICE_URL": self.teams.service_url,
            "LOGIN_URL": self.teams.server.url,
            "GRAPH_URL": self.teams.graph,
        }
        return {**self.secrets, "TZ": "Europe/Berlin", **{f"{prefix}{name}": url for name, url in more.items()}}

    def homes(self) -> list[str]:
        rows = self.snow.rows("incident")
        return [row["number"] for row in rows if row["correlation_id"] == "home-incident"]


@contextmanager
def running() -> Iterator[Company]:
    """All three running; afterwards every exchange is held against the vendors' documents."""
    clock = Clock(MORNING, speed=0)
    snow = ServiceNowState(clock)
    snow.prepare()
    with Server(snow.handle, clock) as server, TeamsSandbox(clock) as teams, MailSandbox(clock) as mail:
        server.remember = teams.server.remember = True
        made = Company(snow, teams, mail, server.url)
        for name in ("Incidents", "Pointman"):
            made.channels[name] = teams.state.channel(name, "Operations").id
        teams.state.person("maria", "maria@example.org", "Maria Keller")
        yield made
        instances.check(server.seen)
        if CONTRACTS.exists():
            teams_tenant.held(teams.server.seen)
    snow.close()


@pytest.fixture
def company() -> Iterator[Company]:
    with running() as made:
        yield made


def live(made: Company, monkeypatch: pytest.MonkeyPatch, *messengers: str) -> None:
    """Let this process have the environment of these, and give it back afterwards."""
    for name, value in made.environment(*messengers).items():
        monkeypatch.setenv(name, value)


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def read(folder: Path, name: str = "config.toml") -> dict[str, Any]:
    return tomllib.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("messengers", [("teams",), ("email",), ("teams", "email")])
def test_what_it_writes_passes_the_live_check_and_plans_a_ticket(
    tmp_path: Path, company: Company, messengers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch, *messengers)
    done = call("init", tmp_path, *company.flags(*messengers))
    assert done.exit_code == 0, done.output
    assert "signed in to ServiceNow as Pointman (pointman@example.org)" in done.output
    assert len(company.homes()) == 1
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    for name in company.secrets:
        monkeypatch.delenv(name)  # from now on they come from .env
    config = tmp_path / "config.toml"
    checked = call("check", "--live", "--config", config)
    assert (checked.exit_code, "error" in checked.output) == (0, False), checked.output
    tried = call("test", "--strict", "--config", config)
    assert tried.exit_code == 0, tried.output
    company.snow.clock.advance(timedelta(minutes=1))
    key = company.snow.create({"short_description": "The shop is down"})
    planned = call("plan", key, "--config", config)
    assert planned.exit_code == 0, planned.output
    assert "severity = high" in planned.output


def test_it_watches_asks_for_changes_and_names_what_was_found(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch, "teams")
    key = company.snow.create({"short_description": "The shop is down"})
    done = call("init", tmp_path, *company.flags("teams", "email"))
    assert done.exit_code == 0, done.output
    assert f"pointman plan {key}" in done.output
    said = read(tmp_path)
    assert (said["mode"], said["watch"], said["home"]) == ("watch", "msteams:Pointman", company.homes()[0])
    assert timedelta(0) <= said["start"] - company.snow.clock.now() <= timedelta(seconds=2)
    assert said["defaults"] == {"severity": "low"}, "what the instance writes by itself is nobody's"
    snow, mail = said["connectors"]["servicenow"], said["connectors"]["email"]
    assert (snow["password"], mail["secret"]) == ("env/SERVICENOW_PASSWORD", "env/EMAIL_SECRET")
    assert snow["fields"] == {"affected_users": "u_affected_users", "eta": "u_eta"} | {
        word: f"u_{word}" for word in ("status_text", "commander")
    }
    assert snow["phases"] == {"new": ["1"], "active": ["2", "3"], "resolved": ["6"], "closed": ["7", "8"]}
    assert snow["values"]["service"]["checkout-prod"] == "Checkout (prod)"
    places = read(tmp_path, "rules.d/00-company.toml")["places"]["incidents"]
    assert places == {"msteams": "Incidents", "email": "incidents@example.org"}
    people = read(tmp_path, "rules.d/00-company.toml")["people"]
    assert people["maria"]["email"] == "maria@example.org"
    assert people["maria"]["servicenow"] == "maria"


def test_no_secret_stands_anywhere_but_in_a_file_for_its_owner(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch, "teams")
    done = call("init", tmp_path, *company.flags("teams", "email"))
    kept = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert set(kept) == {*company.secrets, "EMAIL_SECRET"}
    assert len(kept["EMAIL_SECRET"]) == 64
    for secret in kept.values():
        assert secret not in done.output
        assert not [p for p in tmp_path.rglob("*.toml") if secret in p.read_text()]
    assert call("init", tmp_path, *company.flags("teams", "email"), "--force").exit_code == 0
    assert f"EMAIL_SECRET={kept['EMAIL_SECRET']}" in (tmp_path / ".env").read_text(), "links that went out go on"
    assert len(company.homes()) == 1


def test_an_oauth_client_and_graph_sign_in_by_their_secrets(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch)
    state, graph = company.snow, company.mail.graph
    for name, value in (
        ("SERVICENOW_BY", "oauth"),
        ("SERVICENOW_CLIENT_ID", state.client),
        ("SERVICENOW_CLIENT_SECRET", state.secret),
        ("EMAIL_WAY", "graph"),
        ("EMAIL_TENANT", "11111111-2222-3333-4444-555555555555"),
        ("EMAIL_CLIENT_ID", graph.client_id),
        ("EMAIL_CLIENT_SECRET", graph.secret),
        ("POINTMAN_CONNECTORS__EMAIL__GRAPH__BASE_URL", company.mail.api),
        ("POINTMAN_CONNECTORS__EMAIL__GRAPH__AUTHORITY", company.mail.server.url),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SERVICENOW_PASSWORD")
    company.mail.state.account(OURS, MAILBOX)
    done = call("init", tmp_path, *company.flags("email"))
    assert done.exit_code == 0, done.output
    assert "signed in to Microsoft Graph" in done.output
    said = read(tmp_path)["connectors"]
    assert (said["servicenow"]["client_id"], said["email"]["graph"]["mailbox"]) == (state.client, OURS)
    assert "password" not in said["servicenow"]
    assert "smtp" not in said["email"]


def test_a_mail_server_that_wants_to_know_who_is_there_is_signed_in_to(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch)
    company.mail.state.account(OURS, MAILBOX)
    flags = list(company.flags("email"))
    flags[flags.index("--email-user") + 1] = OURS
    for password, code in (("wrong-password-3", 1), (MAILBOX, 0)):
        monkeypatch.setenv("EMAIL_PASSWORD", password)
        done = call("init", tmp_path, *flags)
        assert done.exit_code == code, done.output
        assert password not in done.output
    smtp = read(tmp_path)["connectors"]["email"]["smtp"]
    assert (smtp["user"], smtp["password"], smtp["security"]) == (OURS, "env/EMAIL_PASSWORD", "none")


def test_lists_that_may_not_be_read_are_done_without(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch)
    company.snow.traps.unseen |= {row.id for row in company.snow.rows("sys_choice")}
    company.snow.traps.unseen |= {row.id for row in company.snow.rows("sys_user_group")}
    done = call("init", tmp_path, *company.flags("email"))
    assert done.exit_code == 0, done.output
    assert "the list of states cannot be read: phases are as an instance is delivered" in " ".join(done.output.split())
    snow = read(tmp_path)["connectors"]["servicenow"]
    assert "phases" not in snow
    assert snow["values"]["severity"]["high"] == ["1/1", "1/2", "2/1"]
    assert "team" not in snow["values"]
    tried = call("test", "--strict", "--config", tmp_path / "config.toml")
    assert tried.exit_code == 0, tried.output


def test_webhooks_tell_channels_and_mail_reaches_people(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch)
    state = company.teams.state
    urls = {name: state.webhook(state.flow(state.channel(name, "Shop"))) for name in ("TEAMS_URL", "TEAMS_WATCH_URL")}
    for name, url in urls.items():
        monkeypatch.setenv(name, url)
    done = call("init", tmp_path, *company.flags("teams_webhook", "email"))
    assert done.exit_code == 0, done.output
    assert "post to channels only" in done.output
    said = read(tmp_path)
    assert said["watch"] == "teams_webhook:Pointman"
    assert said["connectors"]["teams_webhook"]["channels"] == {
        "Incidents": "env/TEAMS_URL",
        "Pointman": "env/TEAMS_WATCH_URL",
    }
    assert not [url for url in urls.values() if url in done.output or url in (tmp_path / "config.toml").read_text()]
    assert not [c for c in state.conversations.values() if c.messages], "nothing was posted to try them"


def test_without_the_ledgers_column_setup_comes_first_and_the_home_ticket_later(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(company, monkeypatch)
    (entry,) = [row for row in company.snow.rows("sys_dictionary") if row["element"] == LEDGER["element"]]
    company.snow.remove(entry)
    company.snow.create({"short_description": "The shop is down"})
    done = call("init", tmp_path, *company.flags("email"))
    assert (done.exit_code, company.homes()) == (1, [])
    assert "made no home ticket yet: incident has no column u_pointman" in done.output
    assert done.output.index("pointman setup servicenow") < done.output.index("pointman init --tracker servicenow")
    assert "home" not in read(tmp_path)
    company.snow.prepare()
    again = call("init", tmp_path, *company.flags("email"), "--force")
    assert again.exit_code == 0, again.output
    assert read(tmp_path)["home"] == company.homes()[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"SERVICENOW_PASSWORD": "wrong-password-1"}, "check the credentials"),
        (
            {
                "SERVICENOW_BY": "oauth",
                "SERVICENOW_USER": "nobody",
                "SERVICENOW_CLIENT_ID": "sandbox-client",
                "SERVICENOW_CLIENT_SECRET": "sandbox-client-secret",
            },
            "nobody in ServiceNow is nobody",
        ),
        ({"SERVICENOW_TABLE": "no_such"}, "Invalid table no_such"),
        ({"SERVICENOW_BY": "magic"}, "magic is no way to sign in"),
        ({"SERVICENOW_URL": "http://snow.example.org"}, "the password could be read on the way"),
        ({"TEAMS_SECRET": "wrong-secret-2"}, "the client secret is wrong"),
        ({"TEAMS_TENANT": "here"}, "tenant is no id as"),
        ({"TEAMS_CHANNEL": "Incidents"}, "Get link to channel"),
        ({"TEAMS_CHANNEL": "19:none@thread.tacv2"}, "could not find the channel Incidents"),
        ({"EMAIL_SERVER": "127.0.0.1:9"}, "could not sign in to the mail server"),
        ({"EMAIL_SENDER": "Pointman"}, "is no address to send from"),
        ({"EMAIL_TO": "incidents"}, "incidents is no e-mail address"),
        ({"EMAIL_WAY": "pigeon"}, "pigeon is no way for mails"),
    ],
)
def test_a_wrong_answer_is_told_in_a_sentence_and_nothing_is_left(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    live(company, monkeypatch, "teams")
    flags = list(company.flags("teams", "email"))
    for name, value in change.items():
        flag = f"--{name.lower().replace('_', '-')}"
        if flag in flags:
            flags[flags.index(flag) + 1] = value
        else:
            monkeypatch.setenv(name, value)
    done = call("init", tmp_path / "here", *flags)
    assert (done.exit_code, said in done.output) == (1, True), done.output
    assert not (tmp_path / "here").exists()
    assert not company.homes()
    assert "wrong-" not in done.output


def test_options_of_what_is_not_set_up_are_refused_and_others_say_that_it_is_meant(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for flags, said in (
        (("--tracker", "jira", "--servicenow-url", "https://x.example"), "say --tracker servicenow"),
        (("--with", "slack", "--email-to", "a@example.org"), "--email-to: email is not set up here; say --with email"),
    ):
        done = call("init", tmp_path, *flags)
        assert (done.exit_code, said in done.output) == (2, True), done.output
    live(company, monkeypatch)
    flags_ = list(company.flags("email"))
    done = call("init", tmp_path, *flags_[2:6], *flags_[8:])
    assert done.exit_code == 0, done.output
    assert set(read(tmp_path)["connectors"]) == {"servicenow", "email"}


@pytest.mark.parametrize("messengers", [("email",), ("teams", "email")])
def test_somebody_whom_only_mail_reaches_is_said_and_written_so_that_the_check_passes(
    tmp_path: Path, company: Company, monkeypatch: pytest.MonkeyPatch, messengers: tuple[str, ...]
) -> None:
    live(company, monkeypatch, *messengers)
    done = call("init", tmp_path, *company.flags(*messengers), "--person", "guest@example.net")
    assert done.exit_code == 0, done.output
    assert "nobody in ServiceNow has the address guest@example.net" in done.output
    people = read(tmp_path, "rules.d/00-company.toml")["people"]
    assert people["guest"] == {"email": "guest@example.net", "reach": ["email"]}
    assert people["maria"]["servicenow"] == "maria"
    assert "reach" not in people["maria"]


def test_mail_stands_beside_slack_on_jira(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with products() as there, MailSandbox(there.jira.clock) as mail:
        for name, value in there.environment.items():
            monkeypatch.setenv(name, value)
        server = ("--email-server", f"127.0.0.1:{mail.smtp_port}", "--email-user", "none", "--email-sender", OURS)
        flags = ("--with", "slack,email", *server, "--email-to", "incidents@example.org")
        done = call("init", tmp_path, *there.flags, *flags)
        assert done.exit_code == 0, done.output
        said, company_ = read(tmp_path), read(tmp_path, "rules.d/00-company.toml")
        assert (said["watch"], list(said["connectors"])) == ("slack:#pointman", ["jira", "slack", "email"])
        assert company_["places"]["incidents"] == {"slack": "#incidents", "email": "incidents@example.org"}
        checked = call("check", "--live", "--config", tmp_path / "config.toml")
        assert checked.exit_code == 0, checked.output
        there.jira.clock.advance(timedelta(minutes=1))
        planned = call("plan", there.jira.create({"summary": "Checkout is down"}), "--config", tmp_path / "config.toml")
        assert "severity = high" in planned.output
        assert not mail.state.inbox("incidents@example.org"), "nothing was sent to try it"


def test_a_messenger_that_is_none_is_told_before_anything_is_tried(tmp_path: Path) -> None:
    done = call("init", tmp_path, "--with", "slakc")
    assert (done.exit_code, "slakc tells nobody; did you mean slack?" in done.output) == (2, True)


def test_whoever_names_a_tracker_is_asked_where_people_are_told(tmp_path: Path, company: Company) -> None:
    opened = Terminal(("init", "here", "--tracker", "servicenow"), tmp_path, company.environment())
    try:
        opened.expect("Where are people told? Of email, slack, teams, teams_webhook [slack]: ")
        opened.type("email, pigeon")
        opened.expect("there is no pigeon to set up")
        opened.expect("[slack]: ")
        opened.type("email")
        for shown, answer in (
            ("Where is your ServiceNow? (such as https://example.service-now.com): ", company.url),
            ("Which account? Its user name (User ID): ", "pointman"),
            ("(client credentials) [basic]: ", ""),
            ("Which table holds the tickets? [incident]: ", ""),
            ("From which address are mails? (such as Pointman <pointman@example.org>): ", f"Pointman <{OURS}>"),
            ("smtp, or graph (Microsoft 365) [smtp]: ", ""),
            ("or its name:465): ", f"127.0.0.1:{company.mail.smtp_port}"),
            (f"[{OURS}]: ", "none"),
            ("A list's, or a person's: ", "incidents@example.org"),
            ("what Pointman would have done?: ", "ops@example.org"),
            ("Time zone of rules and texts [Europe/Berlin]: ", ""),
            (f"lead first [{OURS}]: ", "maria@example.org"),
        ):
            opened.expect(shown)
            opened.type(answer)
        assert opened.end() == 0, opened.shown
    finally:
        opened.close()
    assert set(read(tmp_path / "here")["connectors"]) == {"servicenow", "email"}
    assert company.snow.password not in opened.shown
