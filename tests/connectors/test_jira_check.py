"""`check --live` of Jira: everything that is wrong, at once, in words that say what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import Wanted
from connectors.jira import Jira, JiraSettings
from sandbox.http import Answer, Fault
from sandbox.jira.world import Flavour
from tests.connectors.jiras import FIELDS, VALUES, World, world

WANTED = Wanted(
    words={
        "severity": "choice",
        "team": "text",
        "assignee": "user",
        "affected_users": "number",
        "security": "flag",
        "eta": "moment",
        "hold": "flag",
        "restored": "moment",
        "commander": "user",
        "poc": "user",
    },
    options={"severity": ("high", "low"), "regions": ("eu",)},
    people=("maria@example.org",),
    home="OPS-1",
)


@pytest.fixture(params=["cloud", "datacenter"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


def told(flavour: Flavour, wanted: Wanted = WANTED, **changes: Any) -> list[str]:
    with world(flavour, **changes) as jira:
        jira.state.create({"summary": "home"})
        return [str(problem) for problem in jira.jira.check(wanted)]


def test_a_site_that_is_as_expected_has_no_problem_and_is_not_changed(flavour: Flavour) -> None:
    with world(flavour) as jira:
        jira.state.create({"summary": "home"})
        before = jira.state.views()
        assert list(jira.jira.check(WANTED)) == []
        assert jira.state.views() == before
        sent = jira.sent()
        assert {one.split()[0] for one in sent} == {"GET"}
        assert len(sent) < 16


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"fields": {**FIELDS, "team": "Team"}},
            "connectors.jira: fields.team: there is no field Team; its id is customfield_10052 (Team)",
        ),
        (
            {"fields": {**FIELDS, "status_text": "customfield_99999"}},
            (
                "connectors.jira: fields.status_text: there is no field customfield_99999; "
                "its id is customfield_10057 (Status text)"
            ),
        ),
        (
            {"fields": {**FIELDS, "eta": "customfield_10053"}},
            (
                "connectors.jira: fields.eta: customfield_10053 (Affected users) holds a number, but eta is a moment; "
                "map another field, or declare another type"
            ),
        ),
        (
            {"fields": {k: v for k, v in FIELDS.items() if k != "team"}},
            (
                "connectors.jira: team is used by the rules, but no field of Jira is mapped to it; "
                "perhaps it is customfield_10052 (Team)"
            ),
        ),
        (
            {"fields": {**FIELDS, "team": "customfield_10061"}},
            (
                "warning: connectors.jira: team cannot be written: "
                "customfield_10061 (Hidden) is not on the edit screen; add it to the screen, or let no rule set it"
            ),
        ),
        (
            {"values": {**VALUES, "severity": {"high": "Hihg", "low": "Low"}}},
            "connectors.jira: values.severity: Severity has no value Hihg; did you mean High?",
        ),
        (
            {"values": {**VALUES, "severity": {"high": "High"}}},
            "connectors.jira: values.severity says nothing of low, which the rules use; map it",
        ),
        (
            {"values": {**VALUES, "service": {"checkout": "Check-out"}}},
            "connectors.jira: values.service: Component/s has no value Check-out; did you mean Checkout (prod)?",
        ),
        (
            {"phases": {"closed": "Closed"}},
            "connectors.jira: phases.closed: there is no status Closed; Closed has the id 10003",
        ),
        ({"hold": {"statuses": "1"}}, "connectors.jira: hold.statuses: there is no status 1"),
        (
            {"project": ["OPS", "OOPS"]},
            "connectors.jira: there is no project OOPS, or the account may not see it",
        ),
        ({"kind": "Incidnet"}, "connectors.jira: kind: OPS has no issue type Incidnet; did you mean Incident?"),
        (
            {"webhook_secret": None},
            "warning: connectors.jira: no webhook is believed, so changes are polled; set webhook_secret",
        ),
    ],
)
def test_a_mistake_is_told_with_what_to_do(flavour: Flavour, changes: dict[str, Any], problem: str) -> None:
    assert told(flavour, **changes) == [problem]


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (
            {"words": {"colour": "text"}},
            (
                "connectors.jira: colour is used by the rules, but no field of Jira is mapped to it; "
                "map it in [connectors.*.fields]"
            ),
        ),
        (
            {"options": {"regions": ("eu", "usa")}},
            "connectors.jira: regions: Regions has no value usa; did you mean us?",
        ),
        (
            {"people": ("nobody@example.org",)},
            "connectors.jira: nobody in Jira is nobody@example.org; it takes an e-mail address or ",
        ),
        ({"people": ("who",)}, "connectors.jira: nobody in Jira is who; it takes an e-mail address or "),
        (
            {"home": "OPS-99"},
            "connectors.jira: there is no home ticket OPS-99; create a ticket for it, or name another in `home`",
        ),
    ],
)
def test_what_the_rules_expect_and_jira_lacks_is_told(flavour: Flavour, wanted: dict[str, Any], problem: str) -> None:
    (only,) = told(flavour, replace(WANTED, **wanted))
    assert only.startswith(problem)


def test_people_are_found_by_their_id_too() -> None:
    assert told("cloud", replace(WANTED, people=("5b10a2844c20165700ede21g",))) == []
    assert told("datacenter", replace(WANTED, people=("maria",))) == []


def test_a_missing_permission_is_told_with_what_does_not_work(flavour: Flavour) -> None:
    with world(flavour) as jira:
        jira.state.create({"summary": "home"})
        jira.state.traps.denied |= {"TRANSITION_ISSUES", "CREATE_ISSUES"}
        assert [str(problem) for problem in jira.jira.check(WANTED)] == [
            "connectors.jira: in OPS tickets cannot be resolved; give the account the permission Transition Issues",
            (
                "warning: connectors.jira: in OPS alerts cannot become tickets; "
                "give the account the permission Create Issues"
            ),
        ]


def test_a_field_that_new_tickets_require_is_told() -> None:
    with world("cloud") as jira:
        jira.state.create({"summary": "home"})
        team = jira.state.site.fields["customfield_10052"]
        jira.state.site.fields["customfield_10052"] = replace(team, required=True)
        assert [str(problem) for problem in jira.jira.check(WANTED)] == [
            (
                "warning: connectors.jira: alerts cannot become tickets: Incident requires Team (customfield_10052); "
                "give the field a default, or choose another kind"
            )
        ]


def test_two_fields_of_one_name_are_told_on_data_center() -> None:
    with world("datacenter") as jira:
        jira.state.create({"summary": "home"})
        jira.state.site.fields["customfield_10070"] = replace(
            jira.state.site.fields["customfield_10052"], id="customfield_10070"
        )
        assert [str(problem) for problem in jira.jira.check(WANTED)] == [
            (
                "warning: connectors.jira: fields.team: customfield_10052 and customfield_10070 are both called Team; "
                "rename one: Data Center's history tells fields by name"
            )
        ]


def test_wrong_credentials_are_one_problem(flavour: Flavour) -> None:
    (only,) = told(flavour, token="wrong")
    assert only.startswith("connectors.jira: could not ask which Jira it is")
    assert "check the credentials" in only


def test_another_deployment_than_configured_is_told() -> None:
    said = "connectors.jira: deployment is datacenter, but the server is cloud; leave it out"
    assert told("cloud", deployment="datacenter") == [said]


def test_a_part_that_cannot_be_asked_is_a_problem_and_the_rest_goes_on() -> None:
    with world("cloud", phases={"closed": "nonsense"}) as jira:
        jira.state.create({"summary": "home"})
        jira.jira._client.pause = lambda seconds: None
        jira.server.fail(
            Fault(lambda a: a.path.endswith("/editmeta"), Answer(500, {"errorMessages": ["oops"]}), times=3)
        )
        assert [str(problem) for problem in jira.jira.check(WANTED)] == [
            "connectors.jira: phases.closed: there is no status nonsense",
            "connectors.jira: could not read the edit screen of 10001: oops (HTTP 500)",
        ]


def test_an_empty_site_can_be_checked(flavour: Flavour) -> None:
    with world(flavour) as jira:
        assert list(jira.jira.check(replace(WANTED, home=""))) == []


def test_every_project_in_scope_is_worth_a_warning() -> None:
    assert told("cloud", project=()) == [
        'warning: connectors.jira: every project is in scope; name some: project = ["OPS"]'
    ]


# ---- settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "jira.example"}, "begins with https://"),
        ({"url": "https://me:secret@jira.example"}, "belong into user and token"),
        ({"fields": {"phase": "status"}}, "phase is no field: map statuses under phases"),
        ({"phases": {"new": "1", "active": ["2", "1"]}}, "phases gives 1 two meanings"),
        ({"values": {"severity": {"high": "Top", "low": "top"}}}, "values.severity gives top two meanings"),
        ({"phases": {"dormant": "1"}}, "Input should be 'new', 'active', 'resolved' or 'closed'"),
        ({"url": "https://example.atlassian.net"}, "user is missing: Jira Cloud wants an e-mail address"),
        ({"projekt": "OPS"}, "Extra inputs are not permitted"),
        ({"timeout": 100}, "less than or equal to 60"),
    ],
)
def test_a_wrong_setting_is_refused_without_a_secret(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        JiraSettings(**{"url": "https://jira.example", "token": "t0p-secret", **changes})
    assert said in str(caught.value)
    assert "secret@" not in str(caught.value)
    assert "t0p-secret" not in str(caught.value)


def test_a_trailing_slash_does_no_harm() -> None:
    assert JiraSettings(url="https://jira.example/jira/", token="t").url == "https://jira.example/jira"


def test_one_value_counts_as_a_list_of_one(flavour: Flavour) -> None:
    made = JiraSettings(url="https://jira.example", token="t", project="OPS", hold={"labels": "on-hold"})
    assert (made.project, made.hold.labels) == (("OPS",), ("on-hold",))


def test_the_connector_is_found_by_its_entry_point() -> None:
    from connectors.registry import load

    assert load("jira") is Jira
    assert isinstance(World, type)
