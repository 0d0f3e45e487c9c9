"""Good files become rules; what is wrong is told all at once, and never half used."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.problems import Problems
from rules import load
from rules.language import VERBS
from rules.model import Assign, Classify, Escalate, Mode, Notify, Recipient, RuleSet
from sync import commands

COMPANY = (Path(__file__).parent / "company.toml").read_text(encoding="utf-8")
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def rules(text: str = "", **more: str) -> RuleSet:
    return load.parse(
        {"company.toml": COMPANY, "rules.toml": text, **{f"{name}.toml": said for name, said in more.items()}}
    )


def told(text: str, company: str = COMPANY) -> list[str]:
    """The first line of every problem."""
    with pytest.raises(Problems) as caught:
        load.parse({"company.toml": company, "rules.toml": text})
    return [str(problem).split("\n")[0] for problem in caught.value.problems]


# ---- good files


def test_the_sample_of_the_design_is_read_whole() -> None:
    path = SHARED / "rules-sample.toml"
    if not path.exists():
        pytest.skip(f"{path.name} not found: the shared contracts are not beside this folder")
    text = path.read_text(encoding="utf-8")
    found = load.parse({"sample.toml": text}, later="ignore")
    assert [str(rule) for rule in found] == [
        "restrict security",
        "classify critical-down",
        "classify many-users",
        "classify vip",
        "assign service-team",
        "channel war-room",
        "escalate unacknowledged",
        "objective rto",
        "notify card",
        "update half-hourly",
        "mute year-end",
    ]
    with pytest.raises(Problems) as caught:
        load.parse({"sample.toml": text})
    kinds = ("task", "publish")
    errors = [problem for problem in caught.value.problems if problem.level == "error"]
    assert [problem.message for problem in errors] == [
        f"not yet: [[{kind}]] rules come with a later version" for kind in kinds
    ]


def test_a_classify_rule_holds_what_it_sets_and_from_which_numbers() -> None:
    found = rules("""
[[classify]]
id = "users"
name = "Many users"
was = ["people"]
when = 'security'
mode = "watch"
force = true
restricted = true
set = { region = "asia", affected_users = 3, security = false, promised = 2026-12-24T18:00:00Z, service = "checkout" }
thresholds = { affected_users = { medium = 100, high = 1000 } }
at_least = { severity = "medium", impact = "high" }
""")
    rule = found.by_id["users"]
    assert isinstance(rule, Classify)
    assert (rule.name, rule.was, rule.mode, rule.force, rule.restricted) == (
        "Many users",
        ("people",),
        "watch",
        True,
        True,
    )
    assert rule.when is not None
    assert rule.when.source == "security"
    assert rule.set == {
        "region": "asia",
        "affected_users": 3.0,
        "security": False,
        "promised": datetime(2026, 12, 24, 18, tzinfo=UTC),
        "service": "checkout",
    }
    assert rule.thresholds == {"affected_users": ((1000.0, "high"), (100.0, "medium"))}
    assert rule.at_least == {"severity": "medium", "impact": "high"}
    assert (rule.where.file, rule.where.line) == ("rules.toml", 2)
    assert found.renamed == {"people": "users"}
    assert len(found) == 1


def test_an_assign_rule_names_a_team_a_person_or_how_to_find_one() -> None:
    found = rules("""
[[assign]]
id = "service"
when = 'service'
team = "service.team"
pick = "least-loaded"
skills = ["postgres"]
[[assign]]
id = "maria"
person = "maria"
team = "dba"
""")
    service, maria = found.of("assign")
    assert isinstance(service, Assign)
    assert isinstance(maria, Assign)
    assert (service.team, service.pick, service.skills, service.force) == (
        "service.team",
        "least-loaded",
        ("postgres",),
        False,
    )
    assert (maria.team, maria.person, maria.pick, maria.when) == ("dba", "maria", None, None)


def test_an_escalate_rule_is_a_ladder() -> None:
    (rule,) = rules("""
[[escalate]]
id = "ladder"
since = "changed:severity"
text = "{{ key }}"
steps = [{ after = "5m", to = ["on-call:team"] },
         { after = "1h30m", to = ["assignee", "slack:#x"], text = "{{ step }}" }]
repeat = { every = "30m", times = 3 }
""")
    assert isinstance(rule, Escalate)
    first, second = rule.steps
    assert (first.after, first.to, first.text) == (timedelta(minutes=5), (Recipient("on-call", "team"),), None)
    assert second.after == timedelta(minutes=90)
    assert [str(recipient) for recipient in second.to] == ["assignee", "slack:#x"]
    assert second.text is not None
    assert rule.text is not None
    assert (second.text.source, rule.text.source, rule.since) == ("{{ step }}", "{{ key }}", "changed:severity")
    assert rule.repeat is not None
    assert (rule.repeat.every, rule.repeat.times) == (timedelta(minutes=30), 3)


def test_a_notify_rule_says_whom_when_and_what() -> None:
    found = rules("""
[[notify]]
id = "card"
to = ["place:incidents", "audience:customers"]
texts.customers = "{{ service }}"
buttons = ["take"]
[[notify]]
id = "news"
to = ["reporter"]
on = ["raised", "changed:region"]
""")
    card, news = found.of("notify")
    assert isinstance(card, Notify)
    assert isinstance(news, Notify)
    assert (card.buttons, card.on, card.text, set(card.texts)) == (("take",), (), None, {"customers"})
    assert (news.on, news.to) == (("raised", "changed:region"), (Recipient("reporter"),))
    assert found.of("classify") == ()


def test_what_the_company_is_is_read_from_any_file() -> None:
    found = load.parse(
        {
            "b.toml": '[teams]\nnight = { schedule = "night", title = "Night" }\n',
            "a.toml": COMPANY
            + """
[schedules.night]
rotation = ["maria"]
handover = "21:30"
timezone = "Asia/Tokyo"
first = 2026-11-23
overrides = [{ person = "tom", from = 2026-12-24T00:00:00, until = 2026-12-25T00:00:00 }]
[people.sue]
name = "Sue"
email = "sue@example.org"
reach = ["slack", "email"]
away = ["2026-12-24", 2026-12-31, "2027-01-02/2027-01-03"]
timezone = "America/New_York"
[places.asia]
email = "asia@example.org"
timezone = "Asia/Tokyo"
[calendars.shop]
hours = { mon-tue = "08:00-12:00, 13:00-24:00", sat = "09:00-12:00" }
dates = ["2026-01-01/2026-12-31"]
closed = ["2026-12-24"]
holidays = "DE-BE"
timezone = "Europe/Paris"
[permissions]
resolve = ["role:poc", "members:team"]
""",
        }
    )
    night = found.schedules["night"]
    tokyo, new_york = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
    assert (night.at, night.weekday, night.timezone, night.first) == (time(21, 30), None, tokyo, date(2026, 11, 23))
    (override,) = night.overrides
    assert override.start == datetime(2026, 12, 24, tzinfo=tokyo)
    assert found.schedules["dba-rota"].weekday == 0
    assert found.schedules["dba-rota"].timezone == ZoneInfo("Europe/Berlin")
    sue = found.people["sue"]
    assert (str(sue), sue.email, sue.reach, sue.ids) == ("Sue", "sue@example.org", ("slack", "email"), {})
    assert sue.away == (
        (date(2026, 12, 24), date(2026, 12, 24)),
        (date(2026, 12, 31), date(2026, 12, 31)),
        (date(2027, 1, 2), date(2027, 1, 3)),
    )
    assert found.people["maria"].ids == {"jira": "5b10a2844c20165700ede21g", "slack": "U024BE7LH"}
    assert found.places["asia"] == {"email": "asia@example.org"}
    assert found.zones == {"place:asia": tokyo, "person:sue": new_york}
    assert (found.zone("place:asia"), found.zone("place:incidents")) == (tokyo, ZoneInfo("Europe/Berlin"))
    shop = found.calendars["shop"]
    assert shop.hours == {
        0: ((time(8), time(12)), (time(13), time(0))),
        1: ((time(8), time(12)), (time(13), time(0))),
        5: ((time(9), time(12)),),
    }
    assert (shop.holidays, shop.timezone) == ("DE-BE", ZoneInfo("Europe/Paris"))
    assert shop.closed == ((date(2026, 12, 24), date(2026, 12, 24)),)
    assert found.permissions["resolve"] == (Recipient("role", "poc"), Recipient("members", "team"))
    checkout = found.services["checkout"]
    assert (checkout.team, checkout.criticality, checkout.rto) == ("payments", "critical", timedelta(hours=4))
    assert (checkout.depends_on, checkout.departments, checkout.vendor) == (("orders-db",), ("sales",), "acme-cloud")
    assert str(checkout) == "checkout"
    assert found.fields["impact"].options == ("low", "medium", "high", "critical")
    assert found.audiences["customers"].external
    assert found.lists["vip"] == (Recipient("person", "maria"), Recipient("email", "ceo@example.org"))
    assert (found.teams["night"].title, found.roles["poc"].title) == ("Night", "Point of contact")
    assert found.vendors["acme-cloud"].to == (Recipient("email", "support@acme.example"),)
    assert found.departments["sales"].to == (Recipient("email", "sales@example.org"),)
    assert found.defaults.fallback == (Recipient("place", "incidents"),)
    assert found.files == ("a.toml", "b.toml")


def test_severity_and_criticality_have_levels_without_a_word() -> None:
    found = load.parse({"a.toml": '[defaults]\ntimezone = "UTC"\n'})
    assert found.scales == {"severity": ("low", "medium", "high"), "criticality": ("low", "medium", "high", "critical")}


def test_rules_come_by_kind_then_by_the_name_of_their_file_then_in_their_order() -> None:
    found = load.parse(
        {
            "x/20.toml": '[[classify]]\nid = "d"\nat_least.severity = "low"\n',
            "z/10.toml": '[[assign]]\nid = "e"\nperson = "tom"\nwhen = "security"\n'
            '[[classify]]\nid = "b"\nat_least.severity = "low"\n[[classify]]\nid = "c"\nat_least.severity = "low"\n',
            "company.toml": COMPANY + '[[classify]]\nid = "z"\nat_least.severity = "low"\n',
        }
    )
    assert [rule.id for rule in found] == ["b", "c", "d", "z", "e"]


# ---- modes and defaults


@pytest.mark.parametrize(
    ("whole", "kind", "own", "holds"),
    [
        ("on", "", "", "on"),
        ("watch", "", "on", "watch"),
        ("on", "watch", "on", "watch"),
        ("on", "on", "off", "off"),
        ("off", "watch", "on", "off"),
        ("watch", "on", "off", "off"),
    ],
)
def test_the_most_cautious_mode_holds(whole: Mode, kind: str, own: str, holds: Mode) -> None:
    company = COMPANY.replace("[defaults]", f'[defaults]\nclassify.mode = "{kind}"' if kind else "[defaults]")
    mode = f'mode = "{own}"' if own else ""
    text = f'[[classify]]\nid = "a"\nat_least.severity = "low"\n{mode}\n'
    (rule,) = load.parse({"company.toml": company, "rules.toml": text}, mode=whole)
    assert rule.mode == holds


def test_the_defaults_of_a_kind_give_what_a_rule_does_not_say() -> None:
    company = COMPANY.replace("[defaults]", '[defaults]\nnotify = { to = ["place:incidents"], buttons = ["take"] }')
    found = load.parse(
        {
            "company.toml": company,
            "rules.toml": '[[notify]]\nid = "a"\n[[notify]]\nid = "b"\nto = ["assignee"]\n',
        }
    )
    first, second = found.of("notify")
    assert isinstance(first, Notify)
    assert isinstance(second, Notify)
    assert [str(*rule.to) for rule in (first, second)] == ["place:incidents", "assignee"]
    assert first.buttons == second.buttons == ("take",)
    assert found.defaults.kinds["notify"]["buttons"] == ("take",)


def test_what_a_rule_says_itself_holds_instead_of_defaults_that_contradict_it() -> None:
    company = COMPANY.replace("[defaults]", '[defaults]\nnotify.buttons = ["take"]\nassign.pick = "on-call"')
    text = """
[[notify]]
id = "news"
to = ["assignee"]
on = ["raised"]
[[assign]]
id = "maria"
person = "maria"
"""
    assign, notify = load.parse({"company.toml": company, "rules.toml": text})
    assert isinstance(assign, Assign)
    assert isinstance(notify, Notify)
    assert (assign.person, assign.pick, notify.on, notify.buttons) == ("maria", None, ("raised",), ())


def test_a_mistake_between_a_rule_and_the_defaults_is_told_at_the_rule() -> None:
    company = COMPANY.replace("[defaults]", '[defaults]\nnotify = { text = "{{ key }}" }')
    assert told('[[notify]]\nid = "a"\nto = ["audience:customers"]\n', company) == [
        (
            "rules.toml:1:1  notify a: customers is external, and this text says more than its fields; "
            "write texts.customers"
        ),
    ]


def test_an_external_audience_is_no_fallback() -> None:
    company = COMPANY.replace('fallback = ["place:incidents"]', 'fallback = ["assignee", "audience:customers"]')
    assert told("", company) == [
        "company.toml:4:26  defaults: an external audience is no fallback; it would be told what is not for it"
    ]


def test_an_external_audience_may_share_a_text_that_says_nothing_but_its_fields() -> None:
    found = rules("""
[[notify]]
id = "news"
to = ["place:incidents", "audience:customers", "audience:management"]
on = ["resolved"]
text = "{{ service }} is back"
""")
    assert found.warnings == ()


def test_a_wrong_text_for_an_external_audience_is_told_once() -> None:
    text = '[[notify]]\nid = "a"\nto = ["audience:customers"]\ntext = 5\n'
    assert told(text) == ["rules.toml:4:8  notify a: a text is wanted here, not a number"]


def test_rules_of_later_kinds_may_be_ignored_but_not_wrong() -> None:
    text = """[[task]]
id = "a"
to = ["place:incidents"]
steps = [{ id = "b", title = "B", due = "25% of rto" }, { id = "c", title = "C", due = "2h", follows = ["b"] }]
"""
    found = load.parse({"company.toml": COMPANY, "rules.toml": text}, later="ignore")
    assert found.rules == ()
    with pytest.raises(Problems):
        load.parse({"company.toml": COMPANY, "rules.toml": text.replace("rto", "rot")}, later="ignore")


# ---- files


def test_what_is_wrong_in_several_files_is_told_at_once_in_the_order_of_files_and_lines() -> None:
    with pytest.raises(Problems) as caught:
        load.parse(
            {
                "b.toml": '[teams]\nx = { lead = "nobody" }\n[[classify]]\nid = "a"\n',
                "a.toml": '[[classify]]\nid = "a"\nset.severity = "x"\n',
                "company.toml": COMPANY,
            }
        )
    assert [f"{problem.where}" for problem in caught.value.problems] == [
        "a.toml:3:17",
        "b.toml:2:15",
        "b.toml:3:1",
        "b.toml:4:7",
    ]


def test_where_one_file_is_no_toml_nothing_is_said_about_names_that_may_stand_in_it() -> None:
    text = """[[classify]]
id = "a"
when = "nonsense"
set = { nonsense = 1 }
mode = "onn"
[[assign]]
id = "b"
team = "dba"
when = true
"""
    said = told(text, COMPANY.replace("[teams]", "[teams"))
    assert said == [
        "company.toml:26:7  not TOML: expected ']' at the end of a table declaration",
        "rules.toml:5:9  classify a: no mode onn; did you mean on?",
        "rules.toml:9:8  assign b: a condition (a text) is wanted here, not a flag",
    ]


def test_an_entry_that_is_there_twice_hides_no_other_mistake() -> None:
    text = "[teams]\ndba = {}\n[[asign]]\nid = 'b'\n[[assign]]\nid = 'a'\nteam = 'dbb'\nwhen = 'sevice'\n"
    assert [line.split("  ")[1] for line in told(text)] == [
        "teams: dba is there already, at company.toml:27",
        "no table asign; did you mean assign?",
        "assign a: no team dbb; did you mean dba?",
        "assign a: no field sevice; did you mean service?",
    ]


def test_folders_and_files_are_read_and_a_folder_is_its_toml_files(tmp_path: Path) -> None:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "20.toml").write_text('[[classify]]\nid = "b"\nset.severity = "low"\n', encoding="utf-8")
    (tmp_path / "rules.d" / "notes.txt").write_text("no rule", encoding="utf-8")
    (tmp_path / "company.toml").write_text(COMPANY, encoding="utf-8")
    found = load.load([tmp_path / "rules.d", tmp_path / "company.toml"], mode="watch")
    assert [(rule.id, rule.mode) for rule in found] == [("b", "watch")]
    assert found.files == (str(tmp_path / "rules.d" / "20.toml"), str(tmp_path / "company.toml"))


def test_files_that_cannot_be_read_are_told_beside_everything_else(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "folder.toml" / "looks-like.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    (tmp_path / "rules.toml").write_text("[[classify]]\nid = 'a'\nmode = 'onn'\n", encoding="utf-8")
    with pytest.raises(Problems) as caught:
        load.load([tmp_path / name for name in ("missing", "empty", "folder.toml", "latin.toml", "rules.toml")])
    said = [str(problem).split("\n")[0].replace(f"{tmp_path}/", "") for problem in caught.value.problems]
    assert said == [
        "empty  this folder holds no *.toml",
        "folder.toml/looks-like.toml  cannot be read: Is a directory",
        "latin.toml:1:3  this is not UTF-8; save the file as UTF-8",
        "missing  there is no such file or folder",
        "rules.toml:1:1  classify a: this decides nothing; it needs set, thresholds or at_least",
        "rules.toml:3:9  classify a: no mode onn; did you mean on?",
    ]


def test_the_digest_changes_with_any_text_and_with_nothing_else() -> None:
    first, again = rules("# a"), rules("# a")
    assert first.digest == again.digest
    assert len({first.digest, rules("# b").digest, rules("# a", more="").digest}) == 3


def test_defaults_may_stand_in_several_files_but_each_key_in_one() -> None:
    found = load.parse({"a.toml": '[defaults]\ntimezone = "UTC"', "b.toml": '[defaults]\nfallback = ["assignee"]'})
    assert found.defaults.fallback == (Recipient("assignee"),)
    with pytest.raises(Problems, match=r"b.toml:2:1  defaults: timezone is there already, at a.toml:2"):
        load.parse({"a.toml": '[defaults]\ntimezone = "UTC"', "b.toml": '[defaults]\ntimezone = "UTC"'})


def test_every_button_and_every_permission_is_of_something_that_can_be_asked_for() -> None:
    assert set(VERBS) == set(commands.VERBS)
