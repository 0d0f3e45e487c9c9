"""`pointman setup servicenow`, and what `check --live` says of an instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from connectors.base import Wanted
from connectors.servicenow import ServiceNow
from connectors.servicenow.installing import FILE
from connectors.setup import Order
from sandbox.http import Answer, Asked
from sync.cli.app import app
from tests.connectors.instances import SECRET, World, settings, world

URL = "https://pm.example.org"
HOOK = f"{URL}/hooks/servicenow"
ADMIN = {"sys_dictionary", "sys_script", "sys_properties"}


@pytest.fixture
def bare() -> Iterator[World]:
    """An instance on which nothing was prepared, and where our account is an administrator's."""
    with world(prepared=False) as made:
        made.state.traps.readable |= ADMIN
        yield made


def states(made: World, order: Order) -> dict[str, str]:
    return {step.what: step.state for step in made.snow.install(order) if step.state != "todo"}


def config(folder: Path, made: World, password: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(
        f"""
[connectors.servicenow]
url = "{made.server.url}"
user = "pointman"
password = "{password or made.state.password}"
webhook_secret = "{SECRET}"
"""
    )
    return path


# ---- setup


def test_an_administrators_account_makes_everything_once(bare: World) -> None:
    assert set(states(bare, Order(URL)).values()) == {"made"}
    assert set(states(bare, Order(URL)).values()) == {"there"}
    assert len([r for r in bare.state.rows("sys_script") if r["name"] == "Pointman webhook"]) == 1


def test_the_column_keeps_a_ledger_and_is_not_audited(bare: World) -> None:
    states(bare, Order(URL))
    bare.state.traps.readable.add("sys_audit")
    ref, ledger = bare.create(), '{"v":"' + "x" * 60_000 + '"}'
    bare.snow.write(ref, None, ledger)
    assert bare.snow.get(ref).ledger == ledger
    assert not [row for row in bare.state.rows("sys_audit") if row["fieldname"] == "u_pointman"]


def test_the_rule_signs_what_the_webhook_believes(bare: World) -> None:
    states(bare, Order(URL))
    (rule,) = [row for row in bare.state.rows("sys_script") if row["name"] == "Pointman webhook"]
    properties = {row["name"]: row["value"] for row in bare.state.rows("sys_properties")}
    assert properties["pointman.servicenow.webhook_url"] == HOOK
    assert properties["pointman.servicenow.webhook_secret"] == SECRET
    assert SECRET not in rule["script"]
    for name in properties:
        assert f"getProperty('{name}')" in rule["script"]
    assert (rule["when"], rule["action_insert"], rule["action_update"]) == ("async", "true", "true")


def test_a_new_address_is_brought_up_to_date(bare: World) -> None:
    states(bare, Order(URL))
    found = states(bare, Order("https://other.example.org"))
    assert [what for what, state in found.items() if state == "made"] == [
        "the system property pointman.servicenow.webhook_url"
    ]


def test_a_dry_run_changes_nothing(bare: World) -> None:
    assert set(states(bare, Order(URL, dry=True)).values()) == {"would"}
    assert {method.split()[0] for method in bare.sent()} == {"GET"}


def test_without_rights_an_update_set_is_printed_and_the_secret_stands_in_no_file() -> None:
    with world(prepared=False) as made:
        steps = list(made.snow.install(Order(URL)))
        assert {step.state for step in steps} == {"refused", "todo"}
        (file,) = [step for step in steps if step.file]
        assert SECRET.encode() not in file.content
        root = ET.fromstring(file.content)
        payloads = [ET.fromstring(node.text or "") for node in root.iter("payload")]
        assert [one.get("table") for one in payloads] == [
            "sys_dictionary", "sys_properties", "sys_properties", "sys_script"
        ]  # fmt: skip
        assert payloads[0].findtext(".//attributes") == "no_audit=true"
        assert "generateMac" in (payloads[3].findtext(".//script") or "")


def test_without_a_public_address_it_says_what_is_missing(bare: World) -> None:
    steps = list(bare.snow.install(Order()))
    assert any("--url" in step.said for step in steps if step.state == "todo")
    other = ServiceNow("servicenow", settings(bare.state, bare.server.url, webhook_secret=None))
    assert any("webhook_secret" in step.said for step in other.install(Order(URL)) if step.state == "todo")
    other.close()


def test_the_command_makes_it_and_says_so(bare: World, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["setup", "servicenow", "-c", str(config(tmp_path, bare)), "--url", URL])
    assert done.exit_code == 0, done.output
    assert "made        the column incident.u_pointman" in done.output
    assert SECRET not in done.output
    again = CliRunner().invoke(app, ["setup", "servicenow", "-c", str(config(tmp_path, bare)), "--url", URL])
    assert "there       the column incident.u_pointman" in again.output


def test_the_command_writes_the_update_set_and_ends_in_1(tmp_path: Path) -> None:
    with world(prepared=False) as made:
        out = tmp_path / "files"
        asked = ["setup", "servicenow", "-c", str(config(tmp_path, made)), "--url", URL, "--out", str(out)]
        dry = CliRunner().invoke(app, [*asked, "--dry-run"])
        assert not out.exists()
        done = CliRunner().invoke(app, asked)
        assert (dry.exit_code, done.exit_code) == (1, 1)
        assert "refused     the column incident.u_pointman" in done.output
        assert (out / FILE).read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["setup", "servicenov"], 2, "did you mean servicenow?"),
        (["setup", "servicenow", "--url", "pm.example.org"], 2, "is no address"),
    ],
)
def test_wrong_usage_is_told(bare: World, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    done = CliRunner().invoke(app, [*arguments, "-c", str(config(tmp_path, bare))])
    assert (done.exit_code, said in done.output) == (code, True), done.output


def test_a_wrong_password_ends_it_with_a_sentence(bare: World, tmp_path: Path) -> None:
    path = config(tmp_path, bare, "not-the-password")
    done = CliRunner().invoke(app, ["setup", "servicenow", "-c", str(path), "--out", str(tmp_path / "files")])
    assert done.exit_code == 1
    assert not (tmp_path / "files").exists()
    assert "check the credentials" in done.output


# ---- check


WORDS = Wanted(words={"severity": "choice", "affected_users": "number"}, options={"severity": ("high", "low")})


def problems(made: World, wanted: Wanted = WORDS, **changes: object) -> list[str]:
    snow = ServiceNow("servicenow", settings(made.state, made.server.url, **changes))
    found = [str(problem) for problem in snow.check(wanted)]
    snow.close()
    return found


@pytest.fixture(scope="module")
def ready() -> Iterator[World]:
    with world() as made:
        made.state.traps.readable |= ADMIN
        made.snow.write(made.create(u_affected_users="3"), None, None)
        list(made.snow.install(Order(URL)))
        ref = made.create(short_description="x")
        made.state.put(ref, {"work_notes": "a note", "short_description": "y"})
        made.sent()
        yield made


def test_an_instance_that_is_set_up_has_no_problems(ready: World) -> None:
    ready.sent()
    assert problems(ready) == []
    assert set(ready.sent()) <= {f"GET {table}" for table in (
        "sys_user", "incident", "sys_audit", "sys_journal_field", "sys_script", "sys_choice", "sys_dictionary",
        "sys_user_group", "cmdb_ci_service",
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong"}, "check the credentials"),
        ({"user": "nobody", "password": None, "client_id": "sandbox-client", "client_secret": "sandbox-client-secret"},
         "user: nobody in ServiceNow is nobody"),
        ({"webhook_secret": None}, "no webhook is believed"),
        ({"table": "u_nowhere"}, "Invalid table u_nowhere"),
        ({"fields": {"affected_users": "u_affected_user"}}, "did you mean u_affected_users?"),
        ({"fields": {}}, 'affected_users is used by the rules, but no column is mapped to it; map it in'),
        ({"phases": {"new": "1", "closed": "77"}}, "phases.closed: state has no value 77; there are: 1 (New)"),
        ({"hold": {"states": "99"}}, "hold.states: state has no value 99"),
        ({"resolve": {"code": "Sorted"}}, "resolve.code: close_code has no value Sorted"),
        ({"values": {"severity": {"high": "1/9", "low": "3/3"}}}, "values.severity: urgency has no value 9"),
        ({"values": {"severity": {"high": "1/1"}}}, "values.severity says nothing of low"),
        ({"values": {"service": {"checkout": "Chekout"}}}, "values.service: ServiceNow knows no Chekout"),
        ({"group": "paymnts"}, "group: ServiceNow knows no assignment group paymnts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_what_to_do(ready: World, changes: dict[str, object], said: str) -> None:
    found = "\n".join(problems(ready, **changes))
    assert said in found, found
    assert ready.state.password not in found


def test_an_account_whose_queries_are_in_another_zone_is_told() -> None:
    with world() as made:
        made.create(short_description="x")
        answer = made.state.handle

        def elsewhere(asked: Asked) -> Answer:
            """An instance that takes a moment in a query as one of the account's zone, an hour ahead."""
            query = asked.query.get("sysparm_query", "").replace("09:00:00", "10:00:00")
            return answer(replace(asked, query={**asked.query, "sysparm_query": query}))

        made.server.handler = elsewhere
        assert "set the time zone of the user pointman to GMT" in "\n".join(problems(made))


def test_rights_that_are_missing_are_told() -> None:
    with world(prepared=False) as made:
        made.create(short_description="x")
        made.state.traps.hidden |= {"incident.u_affected_users", "incident.correlation_id"}
        found = "\n".join(problems(made, Wanted(home="INC0000001", people=("ann", "zoe", "zoe@example.org"))))
    for said in (
        "incident has no column u_pointman, or it may not be read: nothing is remembered",
        "sys_audit cannot be read",
        "sys_journal_field cannot be read",
        "there is no column u_affected_users, or it may not be read",
        "correlation_id cannot be read",
        "there is no home ticket INC0000001",
        "nobody in ServiceNow is zoe;",
        "nobody in ServiceNow is zoe@example.org",
    ):
        assert said in found, found
    assert "is ann" not in found
