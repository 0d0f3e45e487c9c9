"""How a Jira is read before there is a configuration: well-known names, and sites that are not like the sandbox's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from connectors.errors import Denied, Refused
from connectors.jira import wellknown
from connectors.jira.settings import JiraSettings
from connectors.jira.setup import MOST, JiraSetup
from connectors.setup import Found
from sandbox.http import Answer, Fault
from sandbox.jira.world import Field, Flavour, Project, Site, Status, standard
from tests.connectors.jiras import World, world


@pytest.mark.parametrize(
    ("names", "expected", "why"),
    [
        ("Highest High Medium Low Lowest", "Highest High/Medium/Low Lowest", "as Jira comes"),
        ("Blocker Critical Major Minor Trivial", "Blocker Critical/Major/Minor Trivial", "as Jira came before"),
        ("High Medium Low", "High/Medium/Low", "our own words"),
        ("Critical High Normal Low", "Critical High/Normal/Low", "normal is in the middle"),
        ("Major Minor", "Major//Minor", "without anything worse, major is grave"),
        ("P1 P2 P3 P4", "P1 P2/P3/P4", "numbers go by their order"),
        ("SEV-3 SEV-2 SEV-1", "SEV-1/SEV-2/SEV-3", "also where the list is turned round"),
        ("Urgent Soon Whenever", "Urgent/Soon/Whenever", "what is not known goes by its place"),
        ("Low", "Low//", "something must be the worst"),
        ("Red Yellow Green", "Red/Yellow/Green", "nothing is known: thirds"),
    ],
)
def test_every_level_of_a_site_has_one_of_ours(names: str, expected: str, why: str) -> None:
    found, _ = wellknown.levels(names.split())
    told = [sorted(found.get(level, ()), key=names.split().index) for level in ("high", "medium", "low")]
    wanted = [sorted(part.split(), key=names.split().index) for part in expected.split("/")]
    assert told == wanted, why


def test_what_is_written_is_the_mildest_high_and_the_gravest_low() -> None:
    found, guessed = wellknown.levels(("Highest", "High", "Medium", "Low", "Lowest"))
    assert (found["high"][0], found["low"][0], guessed) == ("High", "Low", ())


def test_what_was_guessed_is_said() -> None:
    assert wellknown.levels(("Urgent", "Whenever"))[1] == ("Whenever",)


STATUSES: Mapping[str, tuple[str, str]] = {
    "1": ("Open", "new"),
    "2": ("Waiting for customer", "indeterminate"),
    "3": ("Waiting for support", "indeterminate"),
    "4": ("Resolved", "indeterminate"),
    "5": ("Closed", "done"),
    "6": ("On Hold", "new"),
}


def test_statuses_are_named_only_where_their_category_says_something_else() -> None:
    assert wellknown.phases(STATUSES) == {"closed": ("5",), "resolved": ("4",)}
    assert wellknown.phases({"1": ("Open", "new"), "5": ("Closed", "done")}) == {}, "closed is all that done can be"
    assert wellknown.holding(STATUSES) == ("2", "6"), "whoever waits for support waits for us"


def test_a_name_is_only_taken_for_a_field_that_can_hold_it() -> None:
    names = {"a": "Affected Users", "b": "affected_users", "c": "Team", "d": "Severity Score"}
    kinds = {"a": "string", "b": "number", "c": "other", "d": "number"}
    assert wellknown.matched(names, kinds) == {"affected_users": "b"}


def test_two_names_never_become_one_key() -> None:
    assert wellknown.keys(("Shop (EU)", "Shop EU", "?")) == {
        "shop-eu": "Shop (EU)",
        "shop-eu-2": "Shop EU",
        "unnamed": "?",
    }


# ---- a site


def answers(jira: World, projects: str = "OPS") -> dict[str, str]:
    return {
        "url": jira.server.url,
        "user": "pointman@example.org",
        "token": jira.state.token,
        "project": projects,
    }


def discovered(jira: World, projects: str = "OPS") -> Found:
    """What the setup finds, after its questions have been answered one by one."""
    setup = JiraSetup("jira", {})
    said = answers(jira, projects)
    try:
        for question in setup.questions:
            if setup.asks(question, said):
                setup.accept(question, said)
        return setup.discover(said)
    finally:
        setup.close()


@pytest.fixture(params=["cloud", "datacenter"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


def test_what_is_found_makes_settings(flavour: Flavour) -> None:
    with world(flavour) as jira:
        found = discovered(jira)
        read = JiraSettings.model_validate({**found.table, "token": "known"})
        assert (read.project, read.kind, bool(read.user)) == (("OPS",), "Incident", flavour == "cloud")
        assert found.words["eta"] == "moment"
        assert found.me is not None
        assert found.me.email == "pointman@example.org"


def test_it_reads_and_never_writes(flavour: Flavour) -> None:
    with world(flavour) as jira:
        jira.state.create({"summary": "Checkout is down"})
        jira.sent()
        discovered(jira)
        assert jira.sent("PUT", "POST", "DELETE") == []


def test_several_projects_are_read(flavour: Flavour) -> None:
    with world(flavour) as jira:
        jira.state.site.projects["WEB"] = Project("10001", "WEB", "Web", {"10300": "Shop"})
        setup = JiraSetup("jira", {})
        setup.accept(setup.questions[0], answers(jira))
        project = setup.questions[-1]
        assert (setup.offer(project, answers(jira)), setup.hint(project, answers(jira))) == ("", "there are OPS, WEB")
        setup.close()
        found = discovered(jira, "OPS, WEB")
        assert found.table["project"] == ["OPS", "WEB"]


def test_a_list_of_teams_becomes_the_teams_of_the_rules() -> None:
    with world() as jira:
        team = Field("customfield_10052", "Responsible team", "option", {"1": "Web Platform", "2": "Payments"})
        jira.state.site.fields[team.id] = team
        found = discovered(jira)
        assert found.teams == {"web-platform": "Web Platform", "payments": "Payments"}
        assert found.table["values"]["team"] == found.teams


def test_a_long_list_is_taken_over_in_part_and_said() -> None:
    with world() as jira:
        many = {str(number): f"Service {number}" for number in range(MOST + 5)}
        jira.state.site.fields["customfield_10051"] = Field("customfield_10051", "Service", "option", many)
        found = discovered(jira)
        assert len(found.services) == MOST
        assert found.notes == (f"service has {MOST + 5} values in Jira; the first {MOST} were taken over",)


def test_a_resolved_that_counts_as_in_progress_is_named_by_id() -> None:
    with world() as jira:
        jira.state.site.statuses["10002"] = Status("10002", "Resolved", "indeterminate")
        assert discovered(jira).table["phases"] == {"closed": ["10003"], "resolved": ["10002"]}


def test_a_type_of_ticket_whose_screen_asks_for_too_much_is_no_home() -> None:
    with world() as jira:
        assert discovered(jira).kind == "Task"
        fields = jira.state.site.fields
        fields["customfield_10052"] = replace(fields["customfield_10052"], required=True)
        assert discovered(jira).kind == "Incident"


def test_what_a_site_without_anything_has_is_enough() -> None:
    site: Site = standard()
    with world() as jira:
        for id_ in [id_ for id_, field in site.fields.items() if field.custom or id_ == "components"]:
            jira.state.site.fields.pop(id_, None)
        jira.state.site.projects["OPS"].components.clear()
        found = discovered(jira)
        assert found.table["fields"] == {"severity": "priority"}
        assert (found.standing, found.example) == ({"severity": "medium"}, "")


def test_a_site_that_tells_strangers_nothing_is_taken_for_data_center() -> None:
    with world("datacenter") as jira:
        jira.server.fail(Fault(lambda asked: asked.path.endswith("/serverInfo"), Answer(401, None)))
        setup = JiraSetup("jira", {})
        assert setup.accept(setup.questions[0], answers(jira)) == "this is Jira Data Center"
        setup.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [("ftp://jira.example.org", "is not an address"), ("https://a:b@jira.example.org", "holds credentials")],
)
def test_an_address_that_is_none_is_refused_without_a_call(url: str, said: str) -> None:
    setup = JiraSetup("jira", {})
    with pytest.raises(Refused, match=said):
        setup.accept(setup.questions[0], {"url": url})


def test_a_wrong_token_is_denied(flavour: Flavour) -> None:
    with world(flavour) as jira:
        setup = JiraSetup("jira", {})
        said = {**answers(jira), "token": "wrong-token"}
        setup.accept(setup.questions[0], said)
        with pytest.raises(Denied, match=r"could not sign in to Jira: .*; check the credentials") as told:
            setup.accept(setup.questions[2], said)
        assert "wrong-token" not in str(told.value)
        setup.close()
