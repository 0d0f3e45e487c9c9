"""What check tells of people's hours: nobody on call in the days to come, and steps that are never reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import Shift, User
from rules import load
from rules.coverage import problems
from rules.model import RuleSet
from rules.schedule import staffed

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PRODUCTS = ("slack", "email")
COMPANY = """
[defaults]
timezone = "Europe/Berlin"
[calendars]
office = { hours = { mon-fri = "09:00-17:00" } }
past = { dates = ["2020-01-01"] }
rare = { dates = ["2027-01-01"] }
[people]
maria = { email = "maria@example.org" }
tom = { slack = "U-tom", away = ["2026-12-07/2026-12-13"] }
phone = { pager = "123" }
told = { email = "x@example.org", reach = ["slack"] }
[schedules]
full = { rotation = ["maria", "tom"], handover = "09:00" }
holed = { rotation = ["tom"], handover = "09:00" }
by-day = { rotation = ["maria"], handover = "09:00", during = "office" }
silent = { rotation = ["phone"], handover = "09:00" }
kept = { from = "pagerduty:P1" }
both = { layers = ["by-day", "kept"] }
covered = { layers = ["by-day", "full"], overrides = [{ person = "tom", from = 2026-12-01T00:00:00, until = 2026-12-02T00:00:00 }] }
[teams]
full = { schedule = "full", members = ["maria"] }
holed = { schedule = "holed", lead = "phone" }
other = { schedule = "holed" }
by-day = { schedule = "by-day" }
silent = { schedule = "silent", members = ["phone"] }
kept = { schedule = "kept" }
both = { schedule = "both" }
covered = { schedule = "covered" }
[places.incidents]
slack = "#incidents"
[places.far]
trello = "Recovery"
[audiences]
some = { to = ["person:phone", "place:incidents"] }
none = { to = ["person:phone"] }
[departments]
sales = { to = ["person:phone"] }
[vendors]
acme = { to = ["email:a@acme.example"] }
[services]
web = { rto = "4h", team = "full" }
[roles]
poc = {}
"""  # noqa: E501


def rules(*steps: str, more: str = "", rest: str = "") -> RuleSet:
    listed = ", ".join(f'{{ after = "{nth}m", to = {to} }}' for nth, to in enumerate(steps, 5))
    ladder = f'[[escalate]]\nid = "ladder"\nsteps = [{listed}]\n{more}\n' if steps else ""
    connectors = ["jira", "slack", "email", "pager", "pagerduty"]
    return load.parse({"10.toml": COMPANY + ladder + rest}, connectors=connectors)


def told(made: RuleSet, *, looked_up: bool = False) -> list[str]:
    return [each.message for each in problems(made, PRODUCTS, NOW, looked_up=looked_up)]


# ---- nobody on call


def test_a_schedule_that_always_has_somebody_is_no_problem() -> None:
    assert told(rules('["on-call:full"]')) == []
    assert told(rules('["on-call:covered"]')) == []


def test_a_stretch_with_nobody_is_told_once_with_all_teams_that_it_concerns() -> None:
    (problem,) = problems(rules('["on-call:holed"]', '["on-call:other"]'), PRODUCTS, NOW)
    assert str(problem).partition("  ")[2].splitlines()[0] == (
        "warning: escalate ladder: nobody is on call for holed, other from Mon 07 Dec 00:00 to Mon 14 Dec 00:00; "
        "holed is called here"
    )


def test_many_stretches_are_counted_and_the_first_are_told() -> None:
    assert told(rules('["on-call:by-day"]')) == [
        (
            "nobody is on call for by-day 22 times in the next 30 days, 544 hours in all: from Mon 23 Nov 17:00 to "
            "Tue 24 Nov 09:00, Tue 24 Nov 17:00 to Wed 25 Nov 09:00, Wed 25 Nov 17:00 to Thu 26 Nov 09:00, …"
        )
    ]


def test_the_tickets_team_is_any_team_that_has_a_schedule() -> None:
    assert [
        said.partition(" from ")[0].partition(" at ")[0].partition(" times")[0]
        for said in told(rules('["on-call:team"]'))
    ] == [
        "nobody is on call for holed, other",
        "nobody is on call for by-day 22",
    ]


def test_whoever_is_assigned_by_being_on_call_counts_as_well() -> None:
    assign = '[[assign]]\nid = "a"\nteam = "holed"\npick = "on-call"\n'
    assert len(told(rules(rest=assign))) == 1
    assert len(told(rules(rest=assign.replace('team = "holed"\n', "")))) == 2
    assert told(rules(rest=assign.replace("on-call", "rotate"))) == []
    assert told(rules(rest=assign + 'mode = "off"\n')) == []


def test_what_is_kept_elsewhere_is_judged_when_it_was_looked_up() -> None:
    made = rules('["on-call:kept"]', '["on-call:both"]')
    assert told(made) == []
    assert told(made, looked_up=True)[0] == "nobody is on call for kept at any time in the next 30 days"
    shifts = (Shift(User("", "maria"), NOW - timedelta(days=1), NOW + timedelta(days=40)),)
    looked, _ = staffed(made, {("pagerduty", "P1"): shifts})
    assert told(looked, looked_up=True) == []


# ---- steps that are never reached


@pytest.mark.parametrize(
    ("to", "reached", "why"),
    [
        ('["person:maria"]', True, "by her address"),
        ('["person:phone"]', False, "by nothing that can be told"),
        ('["person:told"]', True, "by his address, in the product that he wants"),
        ('["person:phone", "person:tom"]', True, "one of them"),
        ('["on-call:silent"]', False, "everybody in turn has no address"),
        ('["on-call:kept"]', True, "anybody may be on call elsewhere"),
        ('["lead:holed"]', False, "the lead has no address"),
        ('["members:silent"]', False, "no member has one"),
        ('["lead:team"]', False, "no lead of any team has one"),
        ('["members:team"]', True, "some team's members have"),
        ('["audience:some"]', True, "one of the audience is a place"),
        ('["audience:none"]', False, "nobody of the audience"),
        ('["departments:service"]', False, "no department"),
        ('["departments:sales"]', False, "not this one"),
        ('["vendor:service"]', True, "some vendor"),
        ('["place:incidents"]', True, "a place in a product that is configured"),
        ('["slack:#x"]', True, "an address of one"),
        ('["email:a@b.example"]', True, "an address of one"),
        ('["assignee"]', True, "may be anyone"),
        ('["role:poc"]', True, "may be anyone"),
    ],
)
def test_a_step_that_reaches_nobody_ever_is_told(to: str, reached: bool, why: str) -> None:
    never = [said for said in told(rules('["person:maria"]', to)) if "reaches nobody" in said]
    assert never == ([] if reached else [f"step 2 reaches nobody, ever: {', '.join(eval(to))}"]), why


def test_why_a_step_is_nobody_is_not_told_twice() -> None:
    made = rules('["lead:full"]')
    assert "the team full has no lead, so this is nobody" in [each.message for each in made.warnings]
    assert told(made) == []
    far = rules('["place:far"]')
    assert told(far) == ["step 1 reaches nobody, ever: place:far"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('during = "past"', ["the calendar past does not open within two years, so nothing of this ever goes out"]),
        ('calendar = "past"', ["the calendar past does not open within two years, so its time never passes"]),
        ('calendar = "rare"\nrepeat = { every = "1m", times = 2 }', []),
        ('during = "office"\ncalendar = "office"', []),
    ],
)
def test_a_rule_whose_calendar_never_opens_is_told(more: str, said: list[str]) -> None:
    assert told(rules('["person:maria"]', more=more)) == said


def test_a_step_that_takes_more_time_than_there_is_is_told() -> None:
    text = '[[escalate]]\nid = "slow"\ncalendar = "rare"\nsteps = [{ after = "25h", to = ["person:maria"] }]\n'
    assert told(rules(rest=text)) == ["step 1 is never reached: rare is not open for so long within two years"]


def test_a_clocks_steps_are_judged_as_well() -> None:
    clock = '[[objective]]\nid = "c"\ngoal = "rto"\nsteps = [{ at = "50%", to = ["person:phone"] }]\n'
    assert told(rules(rest=clock)) == ["step 1 reaches nobody, ever: person:phone"]
    assert len(told(rules(rest=clock + 'calendar = "past"\n'))) == 1
    assert told(rules(rest=clock + 'mode = "off"\n')) == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("until = 2026-11-23T09:59:00", ["this mute ended Mon 23 Nov 2026; take it out, or write another until"]),
        ("until = 2026-11-23T10:01:00", []),
        ('during = "past"', ["the calendar past does not open within two years, so this mutes nothing"]),
        (
            'during = "always"',
            ["the calendar always does not close within two years, so no escalate rule tells anybody anything"],
        ),
        ('during = "always"\nwhen = "hold"', []),
        ('during = "office"', []),
        ('during = "past"\nmode = "off"', []),
    ],
)
def test_a_mute_that_is_over_or_never_is_told(keys: str, said: list[str]) -> None:
    always = '[calendars.always]\nhours = { mon-sun = "00:00-24:00" }\n'
    assert told(rules(rest=f'{always}[[mute]]\nid = "m"\nmutes = ["escalate"]\n{keys}\n')) == said


@pytest.mark.parametrize(("within", "told_"), [("24h", False), ("25h", True)])
def test_a_clock_that_never_runs_out_in_its_calendar_is_told(within: str, told_: bool) -> None:
    keys = f'start = "created"\nstop = "restored"\nwithin = "{within}"\ncalendar = "rare"'
    clock = f'[[objective]]\nid = "c"\n{keys}\nsteps = [{{ at = "50%", to = ["person:maria"] }}]\n'
    said = "this clock never runs out: rare is not open for so long within two years"
    assert told(rules(rest=clock)) == ([said] if told_ else [])
