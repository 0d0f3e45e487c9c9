"""Warnings: what is allowed, and hardly meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.problems import Problems
from rules import load

COMPANY = (Path(__file__).parent / "company.toml").read_text(encoding="utf-8")


def warned(text: str) -> list[str]:
    """The first line of every warning."""
    found = load.parse({"company.toml": COMPANY, "rules.toml": text})
    return [str(warning).split("\n")[0] for warning in found.warnings]


def classify(name: str, when: str = "", then: str = 'set.severity = "high"', mode: str = "on") -> str:
    condition = f"when = '{when}'\n" if when else ""
    return f'[[classify]]\nid = "{name}"\nmode = "{mode}"\n{condition}{then}\n'


@pytest.mark.parametrize(
    ("text", "hides", "why"),
    [
        (classify("a") + classify("b", "security"), "severity", "a has no condition"),
        (classify("a", "security") + classify("b", "security"), "severity", "the same condition"),
        (classify("a", "security") + classify("b", 'security and region == "asia"'), "severity", "b asks for more"),
        (classify("a") + classify("b", "", "thresholds.affected_users = { high = 5 }"), "severity", "thresholds, too"),
        (classify("a", 'security and region == "asia"') + classify("b", "security"), "", "a asks for more"),
        (classify("a", 'security or region == "asia"') + classify("b", "security"), "", "not looked into"),
        (classify("a", "", 'set.region = "asia"') + classify("b"), "", "another field"),
        (classify("a", "", "thresholds.affected_users = { high = 5 }") + classify("b"), "", "may reach no level"),
        (classify("a") + classify("b", "", 'at_least.severity = "high"'), "", "at_least is not hidden"),
        (classify("a", mode="watch") + classify("b"), "", "a watched rule feeds none that is on"),
        (classify("a", mode="off") + classify("b", mode="off"), "", "a rule that is off decides nothing"),
        (classify("a") + classify("b", mode="watch"), "severity", "a rule that is on feeds all"),
        ("[[assign]]\nid = 'a'\nteam = 'dba'\n[[assign]]\nid = 'b'\nteam = 'service.team'\n", "team", "a team"),
        ("[[assign]]\nid = 'a'\nteam = 'service.team'\n[[assign]]\nid = 'b'\nteam = 'dba'\n", "", "may be empty"),
        ("[[assign]]\nid = 'a'\nperson = 'tom'\n[[assign]]\nid = 'b'\npick = 'rotate'\n", "assignee", "a person"),
        ("[[assign]]\nid = 'a'\npick = 'rotate'\n[[assign]]\nid = 'b'\nperson = 'tom'\n", "", "may find nobody"),
    ],
)
def test_a_rule_that_can_never_decide_is_warned_about_where_that_is_known(text: str, hides: str, why: str) -> None:
    kind = "classify" if "[[classify]]" in text else "assign"
    said = f"warning: {kind} b: never decides {hides}: a does, whenever this one could; put it before a"
    assert [line.split("  ", 1)[1] for line in warned(text)] == ([said] if hides else []), why


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("on-call:payments", "the team payments has no schedule, so this is nobody"),
        ("members:payments", "the team payments has no members, so this is nobody"),
        ("lead:headless", "the team headless has no lead, so this is nobody"),
    ],
)
def test_a_recipient_that_is_always_nobody_is_warned_about(to: str, said: str) -> None:
    text = f"[teams]\nheadless = {{}}\n[[notify]]\nid = 'a'\nto = ['{to}']\n"
    assert warned(text) == [f"rules.toml:5:{9 + to.index(':')}  warning: notify a: {said}"]


def test_an_address_of_a_connector_that_is_not_set_up_is_warned_about() -> None:
    texts = {"company.toml": COMPANY, "rules.toml": "[[notify]]\nid = 'a'\nto = ['slack:#x', 'pager:5', 'trello:B']\n"}
    found = load.parse(texts, connectors=["slack", "pager", "email"])
    assert [warning.message for warning in found.warnings] == [
        "no connector trello is configured, so nobody is told there"
    ]
    with pytest.raises(Problems, match="no kind of recipient pager"):
        load.parse(texts)


def test_fields_of_an_audience_inside_are_warned_about() -> None:
    text = "[audiences]\nstaff = { to = ['assignee'], fields = ['summary'] }\n"
    assert warned(text) == [
        "rules.toml:2:30  warning: audiences staff: fields limit external audiences, and staff is not external"
    ]


RESTRICT = '[[restrict]]\nid = "secret"\nwhen = \'security\'\nto = ["lead:dba"]\n'
TELLS = '[[notify]]\nid = "card"\nto = ["place:incidents"]\n'


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("", True),
        (TELLS, True),
        (TELLS + "restricted = true\n", False),
        (TELLS + 'restricted = true\nmode = "off"\n', True),
        (classify("a", "", 'set.region = "asia"\nrestricted = true'), True),
        ('[[channel]]\nid = "room"\nchannel = "inc"\nrestricted = true\n', False),
    ],
)
def test_a_restriction_because_of_which_nobody_hears_anything_is_doubtful(more: str, told: bool) -> None:
    expected = (
        "warning: restrict secret: no rule that tells anybody has restricted = true, so nobody hears of such a ticket"
    )
    assert [line.partition("  ")[2] for line in warned(RESTRICT + more)] == ([expected] if told else [])


def test_a_restriction_of_every_ticket_is_doubtful() -> None:
    told = warned(RESTRICT.replace("when = 'security'\n", ""))
    assert any("without a condition every ticket is restricted" in line for line in told)


@pytest.mark.parametrize(
    ("connectors", "said"),
    [
        (("servicenow", "slack"), []),
        (("servicenow", "email"), []),
        ((), []),
        (("servicenow", "teams"), ["no connector slack or email is configured, so nobody is told there"]),
    ],
)
def test_a_place_that_leads_to_no_connector_is_warned_about(connectors: tuple[str, ...], said: list[str]) -> None:
    text = '[defaults]\ntimezone = "UTC"\n[places.incidents]\nslack = "#incidents"\nemail = "a@example.org"\n'
    found = [problem.message for problem in load.parse({"a.toml": text}, connectors=connectors).warnings]
    assert found == said


OWN = 'start = "created"\nstop = "restored"\nwithin = "1h"'
CLOCK = '[[objective]]\nid = "clock"\n{keys}\nsteps = [{{ {step}, to = ["lead:dba"] }}]\n'


@pytest.mark.parametrize(
    ("keys", "step", "said", "why"),
    [
        ('goal = "rto"', 'before = "3h"', "", "the longest of the services' goals is longer"),
        ('goal = "rto"', 'before = "4h"', "step 1 comes when the clock starts: 4h is all there is", "it is not"),
        ('goal = "rpo"', 'at = "50%"', "no service has an rpo, so this clock never runs", "nobody has one"),
        ('goal = "rpo"\nmode = "off"', 'at = "50%"', "", "it is off"),
        (OWN, 'before = "1h"', "step 1 comes when the clock starts: 1h is all there is", "its own"),
        (OWN, 'after = "2h"', "", "that comes after it ran out"),
    ],
)
def test_a_clock_that_never_runs_or_warns_at_its_start_is_warned_about(
    keys: str, step: str, said: str, why: str
) -> None:
    lines = warned(CLOCK.format(keys=keys, step=step))
    assert [line.partition("clock: ")[2].partition(";")[0] for line in lines] == ([said] if said else []), why


SPAN = '{{ person = "{}", from = 2026-12-{}T00:00:00{z}, until = 2026-12-{}T00:00:00{z} }}'


@pytest.mark.parametrize(
    ("first", "second", "hidden", "why"),
    [
        (("tom", 24, 26), ("maria", 24, 26), True, "the same days"),
        (("tom", 24, 26), ("maria", 20, 30), True, "within"),
        (("tom", 20, 30), ("maria", 24, 26), False, "a few days of a longer one"),
        (("tom", 20, 25), ("maria", 24, 26), False, "one after the other"),
    ],
)
def test_an_override_that_another_covers_is_warned_about(
    first: tuple[str, int, int], second: tuple[str, int, int], hidden: bool, why: str
) -> None:
    rota = '[schedules]\nx = {{ rotation = ["maria", "tom"], handover = "09:00", overrides = [{}, {}] }}\n'
    lines = warned(rota.format(SPAN.format(*first, z=""), SPAN.format(*second, z="")))
    said = "a later override covers all of its time, so it counts only while maria is away"
    assert [said in line for line in lines] == ([True] if hidden else []), why
    assert warned(rota.format(SPAN.format(*first, z=""), SPAN.format(*second, z="Z"))) == [], "it is not compared"


RUNS = 'start = "{}"\nstop = "{}"\nwithin = "1h"'


@pytest.mark.parametrize(
    ("start", "stop", "before", "why"),
    [
        ("restored", "acknowledged", "acknowledged comes before restored as a rule", "it was acknowledged long ago"),
        ("restored", "hold", "hold comes before restored as a rule", "nobody holds what is over"),
        ("created", "detected", "detected comes before created as a rule", "it is made when it is detected"),
        ("detected", "created", "", "how soon a ticket is made"),
        ("acknowledged", "restored", "", "that is how it goes"),
        ("reopened", "acknowledged", "", "it may be acknowledged anew"),
    ],
)
def test_a_clock_whose_end_lies_before_its_start_as_a_rule_is_warned_about(
    start: str, stop: str, before: str, why: str
) -> None:
    lines = warned(CLOCK.format(keys=RUNS.format(start, stop), step='at = "50%"'))
    said = f"{before}, so this clock stops where it starts; exchange start and stop" if before else ""
    assert [line.partition("clock: ")[2] for line in lines] == ([said] if said else []), why


WRITES = (
    '[[objective]]\nid = "first"\ngoal = "rto"\nfield = "status_text"\nsteps = [{ at = "50%", to = ["lead:dba"] }]\n'
)


@pytest.mark.parametrize(
    ("keys", "word", "why"),
    [
        ('goal = "rto"\nwhen = \'mentions(status_text, "breached")\'', "when", "a circle of two clocks"),
        ('goal = "rto"\npause = "status_text"', "pause", "the other clock would hold it up"),
        ('start = "created"\nstop = "changed:status_text"\nwithin = "1h"', "stop", "writing it would stop it"),
        ('start = "changed:status_text"\nstop = "restored"\nwithin = "1h"', "start", "writing it would start it"),
        ('goal = "rto"\nwhen = "security"', "", "another field"),
        ('goal = "rto"\nwhen = "status_text"\nmode = "off"', "", "it is off"),
        ('goal = "rto"\nfield = "status_text"', "", "two clocks in one field: the tighter is shown"),
    ],
)
def test_a_clock_that_reads_where_another_is_written_is_warned_about(keys: str, word: str, why: str) -> None:
    lines = warned(WRITES + CLOCK.format(keys=keys, step='at = "50%"'))
    said = f"reads status_text in {word}, where the clock of first is written"
    assert [line.partition("clock: ")[2].partition(";")[0] for line in lines] == ([said] if word else []), why


@pytest.mark.parametrize(
    ("when", "pause", "stands", "why"),
    [
        ("hold and security", "hold", True, "it holds only while it is on hold"),
        ("hold", "hold", True, "the same"),
        ("security", "hold", False, "may be either"),
        ("hold", "hold and security", False, "pause asks for more"),
        ("", "hold", False, "no condition"),
    ],
)
def test_a_clock_that_stands_still_whenever_it_would_run_is_warned_about(
    when: str, pause: str, stands: bool, why: str
) -> None:
    keys = f'goal = "rto"\npause = "{pause}"' + (f'\nwhen = "{when}"' if when else "")
    lines = warned(CLOCK.format(keys=keys, step='at = "50%"'))
    said = "this clock never runs: it stands still whenever its condition is true"
    assert [line.partition("clock: ")[2].partition(";")[0] for line in lines] == ([said] if stands else []), why


@pytest.mark.parametrize(
    ("steps", "said", "why"),
    [
        ('{ at = "50%", to = ["lead:dba"] }, { at = "50%", to = ["lead:dba"] }', True, "the same twice"),
        ('{ at = "50%", to = ["lead:dba"] }, { at = "50%", to = ["assignee"] }', False, "somebody else"),
        ('{ at = "50%", to = ["lead:dba"] }, { at = "75%", to = ["lead:dba"] }', False, "later"),
        ('{ after = "5m", to = ["lead:dba"] }, { before = "5m", to = ["lead:dba"] }', False, "the other side"),
    ],
)
def test_two_warnings_at_one_moment_are_warned_about(steps: str, said: bool, why: str) -> None:
    lines = warned(f'[[objective]]\nid = "clock"\ngoal = "rto"\nsteps = [{steps}]\n')
    told = ["step 2 tells lead:dba at the moment of step 1; leave one of them out"]
    assert [line.partition("clock: ")[2] for line in lines] == (told if said else []), why


@pytest.mark.parametrize(("second", "told"), [("5m1s", True), ("5m59s", True), ("6m", False)])
def test_steps_that_leave_nobody_time_to_answer_are_warned_about(second: str, told: bool) -> None:
    steps = f'{{ after = "5m", to = ["assignee"] }}, {{ after = "{second}", to = ["lead:dba"] }}'
    lines = warned(f'[[escalate]]\nid = "a"\nsteps = [{steps}]\n')
    assert ["before anybody can have answered that" in line for line in lines] == ([True] if told else [])


CALLS = '[[escalate]]\nid = "calls"\nsteps = [{ after = "5m", to = ["lead:dba"] }]\n'


@pytest.mark.parametrize(
    ("keys", "said", "why"),
    [
        ('mutes = ["escalate"]\nfrom = 2026-12-24T18:00:00', "nothing ends this mute, so no escalate rule", "for good"),
        ('mutes = ["escalate"]\nfrom = 2026-12-24T18:00:00\nuntil = 2026-12-25T18:00:00', "", "it ends"),
        ('mutes = ["escalate"]\nfrom = 2026-12-24T18:00:00\nwhen = "security"', "", "some tickets only"),
        ('mutes = ["escalate"]\nfrom = 2026-12-24T18:00:00\nmode = "off"', "", "it is off"),
        ('mutes = ["escalate"]\nduring = "office"', "", "its calendar ends it"),
        ('mutes = ["update", "notify"]\nduring = "office"', "this mutes nothing: there is no update or notify", "none"),
        ('mutes = ["update", "escalate"]\nduring = "office"', "", "one of them is there"),
    ],
)
def test_a_mute_that_never_ends_or_holds_nothing_is_warned_about(keys: str, said: str, why: str) -> None:
    lines = warned(f'{CALLS}[[mute]]\nid = "m"\n{keys}\n')
    assert len(lines) == bool(said), (why, lines)
    assert all(said in line for line in lines), (why, lines)


def ladder(when: str, steps: str, more: str = "") -> str:
    return f"[[escalate]]\nid = \"a\"\nwhen = '{when}'\nsteps = [{steps}]\n{more}\n"


FIVE = '{ after = "5m", to = ["lead:dba"] }'
SILENT = '{ after = "10m", then = "unacknowledge" }'
LATER = '{ after = "15m", to = ["lead:dba"] }'


@pytest.mark.parametrize(
    ("text", "said", "why"),
    [
        (
            ladder("not acknowledged", FIVE, 'since = "acknowledged"'),
            ["never begins: it counts from"],
            "no such moment",
        ),
        (ladder("acknowledged", FIVE, 'since = "acknowledged"'), [], "it comes"),
        (ladder("acknowledged", f"{FIVE}, {SILENT}, {LATER}"), ["step 3 is never reached: step 2 ends"], "it is over"),
        (
            ladder("acknowledged", f"{FIVE}, {SILENT}", 'repeat = { every = "5m", times = 2 }'),
            ["nothing is ever repeated: step 2 ends the ladder"],
            "nor is the last step made again",
        ),
        (
            ladder("acknowledged", SILENT),
            ["step 1 takes the acknowledgement back, and nobody was asked"],
            "no question",
        ),
        (ladder("security", f"{FIVE}, {SILENT}, {LATER}"), [], "the condition asks for no acknowledgement"),
        (ladder("not acknowledged", f"{FIVE}, {SILENT}"), ["step 2 does nothing, ever"], "nobody is there to be quiet"),
        (
            ladder('severity == "high"', FIVE.replace("}", ", when = 'severity == \"low\"' }")),
            ["step 1 is never reached: it asks for what the rule excludes"],
            "two levels at once",
        ),
        (ladder('severity == "high"', FIVE.replace("}", ", when = 'severity >= \"low\"' }")), [], "not looked into"),
        (ladder("security", FIVE.replace("}", ", when = 'not security' }")), ["step 1 is never reached"], "yes and no"),
        (ladder("not security", FIVE.replace("}", ", when = 'security' }")), ["step 1 is never reached"], "no and yes"),
        (
            ladder('"a" in labels', FIVE.replace("}", ", when = '\"b\" in labels' }")),
            [],
            "a ticket may have both labels",
        ),
        (
            ladder("x", FIVE.replace("}", ", when = 'security' }")).replace("when = 'x'\n", ""),
            [],
            "no condition at all",
        ),
        (ladder("not acknowledged", FIVE, 'since = "acknowledged"\nmode = "off"'), [], "it is off"),
    ],
)
def test_a_step_that_is_never_reached_is_warned_about_where_that_is_known(text: str, said: list[str], why: str) -> None:
    found = warned(text)
    assert len(found) == len(said), (why, found)
    assert all(part in line for part, line in zip(said, found, strict=True)), (why, found)


def test_a_field_that_a_rule_sets_is_no_place_for_a_clock() -> None:
    clock = CLOCK.format(keys=f'{OWN}\nfield = "status_text"', step='at = "50%"')
    lines = warned(classify("a", "", 'set.status_text = "x"') + clock)
    assert [line.partition("clock: ")[2] for line in lines] == [
        "a sets status_text, so no clock is written there; give it a field of its own"
    ]
    assert warned(classify("a", "", 'set.status_text = "x"', "off") + clock) == []
