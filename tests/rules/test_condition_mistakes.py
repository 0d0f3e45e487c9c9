"""Whatever is wrong with a condition is told at once: where exactly, in a sentence, with what to do about it."""

# ruff: noqa: E501  (an answer is read best on one line)
from __future__ import annotations

import pytest

from rules import condition
from rules.condition import Mistakes
from rules.vocabulary import RESERVED
from tests.rules.example import COMPANY, VOCABULARY, compiled, rules


def answers(source: str) -> list[tuple[str, str]]:
    """What is underlined and what is said, in the order of the text."""
    with pytest.raises(Mistakes) as wrong:
        compiled(source)
    told = wrong.value.mistakes
    assert all(one.length >= 1 and one.offset >= 0 for one in told)
    return [
        (source[one.offset : one.offset + one.length], f"{one.message}; {one.hint}" if one.hint else one.message)
        for one in told
    ]


BOUNDARY = """for a word boundary write 'matches(text, r"\\bdown\\b")', with ' around the condition"""
NOTHING = '"down" asks nothing of the ticket; compare a field with it, or look for it with mentions(text, …)'


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('severity === "high"', [("===", "=== means nothing in a condition; write == to compare")]),
        ('severity <> "high"', [("<>", "<> means nothing in a condition; write !=")]),
        ('severity =< "high"', [("=<", "=< means nothing in a condition; write <=")]),
        ("hold && security", [("&&", "&& means nothing in a condition; write and")]),
        ("hold || security", [("||", "|| means nothing in a condition; write or")]),
        ("!hold", [("!", "! means nothing in a condition; write not")]),
        ("hold & security", [("&", "& means nothing in a condition; write and")]),
        ("hold; security", [(";", "; means nothing in a condition; join two conditions with and")]),
        ("hold OR security", [("OR", "OR is written in small letters; write or")]),
        ("NOT hold", [("NOT", "NOT is written in small letters; write not")]),
        ('severity IN ["high"]', [("IN", "IN is written in small letters; write in")]),
        ('severity == "high', [('"', "this quote is not closed; close it on the same line")]),
        ("severity == 'high", [("'", "this quote is not closed; close it on the same line")]),
        ("(hold", [("(", "this ( is not closed")]),
        ("[hold", [("[", "this [ is not closed")]),
        ("hold]", [("]", "this ] closes nothing")]),
        ("(hold]", [("]", "this ] closes nothing")]),
        ("None", [("None", "None asks nothing of the ticket")]),
        ('"down"', [('"down"', NOTHING)]),
        ("True", [("True", "True asks nothing of the ticket; without a condition leave `when` out")]),
        ("now", [("now", 'there is no now in a condition; use after = "30m" in a step, or during(created, "office")')]),
        ("mentions", [("mentions", "mentions is a function; write mentions(…)")]),
        (
            "severity == “high”",
            [
                ("“", '“ means nothing in a condition; use straight quotes: "high"'),
                ("”", '” means nothing in a condition; use straight quotes: "high"'),
            ],
        ),
        ('"a" "b"', [('"b"', "two texts stand side by side; put a comma between them")]),
        ("hold security", [("security", "something is missing before this; write and, or, a comma or an operator")]),
        ('x"y"', [('"y"', "a text begins with its quotes; only r may stand before them")]),
        ("3 < hold", [("hold", "hold is a flag and has no order; write hold, or not hold")]),
        ("hold < 3", [("hold", "hold is a flag and has no order; write hold, or not hold")]),
        ("labels > 3", [("labels", 'labels is a list and has no order; write "x" in labels')]),
        ('labels in ["x"]', [("labels", 'labels is a list, which is in no list; write "x" in labels')]),
        ('"x" in status_text', [("status_text", 'status_text is no list; write mentions(status_text, "…")')]),
        ("3 in labels", [("3", "labels holds texts, and 3 is none; texts stand in quotes")]),
        ("hold in labels", [("labels", "hold is a flag, labels is a list: they do not compare")]),
        ('"slaes" in service.departments', [('"slaes"', "no department slaes; did you mean sales?")]),
        (
            'service.departments == "sales"',
            [
                (
                    '"sales"',
                    'service.departments is a list and does not compare with "sales"; write "x" in service.departments',
                )
            ],
        ),
        ('team == "dab"', [('"dab"', "no team dab; did you mean dba?")]),
        ('team in ["dba", "paymnts"]', [('"paymnts"', "no team paymnts; did you mean payments?")]),
        ("team in [severity]", [("severity", "severity cannot stand in a list; write each comparison by itself")]),
        ('phase == ""', [('""', "no phase (empty); for an empty field write not phase")]),
        ('assignee == ""', [('""', "no person (empty); for an empty field write not assignee")]),
        ('assignee == "nobody"', [('"nobody"', "no person nobody; there is maria, tom")]),
        ("assignee == 3", [("3", "assignee is a person and does not compare with 3; texts stand in quotes")]),
        ('service == "chekout"', [('"chekout"', "no service chekout; did you mean checkout?")]),
        ('service.vendor == "acme"', [('"acme"', "no vendor acme; there is acme-cloud")]),
        ('impact == "hihg"', [('"hihg"', "no level hihg; did you mean high?")]),
        ('region == "europ"', [('"europ"', "no option europ; did you mean europe?")]),
        ('region < "asia"', [("region", 'region is an option and has no order; compare with == or in ["…"]')]),
        ("region == severity", [("severity", "region is an option, severity is a level: they do not compare")]),
        (
            "severity == impact",
            [("impact", "severity and impact are on two different scales; compare each with its own levels")],
        ),
        (
            "severity == status_text",
            [("status_text", "severity is a level, status_text is a text: they do not compare")],
        ),
        (
            'promised == "2026-01-01"',
            [
                (
                    '"2026-01-01"',
                    'promised is a moment and does not compare with "2026-01-01"; write promised alone to ask whether it is set, or during(promised, "office")',
                )
            ],
        ),
        (
            "promised > 3",
            [
                (
                    "3",
                    'promised is a moment and does not compare with 3; write promised alone to ask whether it is set, or during(promised, "office")',
                )
            ],
        ),
        (
            'affected_users == "3"',
            [
                (
                    '"3"',
                    'affected_users is a number and does not compare with "3"; write it without quotes: affected_users > 100',
                )
            ],
        ),
        (
            "affected_users == severity",
            [("severity", "affected_users is a number, severity is a level: they do not compare")],
        ),
        (
            'security == "yes"',
            [('"yes"', 'security is a flag and does not compare with "yes"; write security, or not security')],
        ),
        ("status_text == 3", [("3", "status_text is a text and does not compare with 3; texts stand in quotes")]),
        ('service.rto == "4 hours"', [('"4 hours"', '4 hours is no duration; write "4h"')]),
        ("service.rto > 4", [("4", 'service.rto is a duration and does not compare with 4; write service.rto > "4h"')]),
        (
            "severity in lists.vip",
            [("severity", "severity is a level, and a list names people; write reporter in lists.vip")],
        ),
        (
            '"maria" in lists.vip',
            [('"maria"', '"maria" is a text, and a list names people; write reporter in lists.vip')],
        ),
        ("reporter in lists.vpi", [("lists.vpi", "no list vpi; did you mean vip?")]),
        ("reporter in lists", [("lists", "this list has no name; write lists.vip")]),
        ("reporter == lists.vip", [("lists", "a list stands after `in`; write reporter in lists.vip")]),
        ("lists.vip", [("lists", "a list stands after `in`; write reporter in lists.vip")]),
        ("reporter in lists.teams", [("lists.teams", "no list teams; lists are given in [lists]")]),
        ('severity in "high"', [('"high"', 'high is no list; write severity in ["medium", "high"]')]),
        ("severity in phase", [("phase", 'phase is no list; write severity in ["medium", "high"]')]),
        ("severity in []", [("[]", "this list is empty")]),
        ("severity in {}", [("{}", "{…} has no place here; a condition compares fields with values")]),
        ('severity in ["high", x]', [("x", "no field x; our own fields are declared in [fields]")]),
        ('x in ["high"]', [("x", "no field x; our own fields are declared in [fields]")]),
        ('reporter.email == "x"', [("reporter.email", "reporter has no email")]),
        ("service.teem", [("service.teem", "service has no teem; did you mean team?")]),
        ("servce.team", [("servce", "no field servce; did you mean service?")]),
        ("lists.x == 3", [("lists", "a list stands after `in`; write reporter in lists.vip")]),
        (
            "during(created)",
            [("during(created)", 'during needs a moment and a calendar; write during(created, "office")')],
        ),
        ('during(hold, "office")', [("hold", 'only a moment is during a calendar; write during(created, "office")')]),
        ('during(created, "offise")', [('"offise"', "no calendar offise; did you mean office?")]),
        ("during(created, 3)", [("3", "a text in quotes is wanted here")]),
        ('during(created, calendar="x")', [("=", "= means nothing in a condition; write == to compare")]),
        (
            "mentions(text)",
            [("mentions(text)", 'mentions needs a field and what to look for; write mentions(text, "down", "outage")')],
        ),
        (
            'mentions(labels, "x")',
            [("labels", 'only a field that holds text can be searched; write mentions(text, "down", "outage")')],
        ),
        ('mentions(text, "")', [('""', "an empty text would be found everywhere")]),
        ("mentions(text, x)", [("x", "a text in quotes is wanted here")]),
        ("mentions(text, *x)", [("mentions(text, *x)", "mentions takes plain values only")]),
        (
            'matches(text, "a", "b")',
            [
                (
                    'matches(text, "a", "b")',
                    'matches needs a field and what to look for; write matches(text, "error [0-9]+")',
                )
            ],
        ),
        ('matches(text, "(a")', [('"(a"', "the pattern cannot be read: missing ): (a; the syntax is RE2's")]),
        (
            'matches(text, "(?=a)")',
            [('"(?=a)"', "the pattern cannot be read: invalid perl operator: (?=; RE2 cannot look ahead or behind")],
        ),
        (
            'matches(text, "\\\\1")',
            [('"\\\\1"', "the pattern cannot be read: invalid escape sequence: \\1; RE2 has no \\1 and no \\Z")],
        ),
        ('matches(text, "(?-i)A")', [('"(?-i)A"', "patterns never regard case, so (?-i) cannot be had")]),
        ('match(text, "a")', [("match", "no function match; did you mean matches?")]),
        ("hold()", [("hold", "no function hold; hold is a field; write it without parentheses")]),
        ('summary.upper() == "X"', [("summary.upper()", "no function upper; mentions and matches never regard case")]),
        ("(hold)(security)", [("hold", "no function hold; hold is a field; write it without parentheses")]),
        (
            "acknowledged == None",
            [("None", "None is not compared with; write `not assignee` for an empty field, `assignee` for a set one")],
        ),
        (
            "hold is True",
            [("hold", "`is` means nothing in a condition; write ==, or `not` and the field for an empty one")],
        ),
        (
            "hold is not None",
            [("hold", "`is` means nothing in a condition; write ==, or `not` and the field for an empty one")],
        ),
        ("1 == 1", [("1", "two fixed values are compared; one side must be a field of the ticket")]),
        ("1 + 1 == 2", [("1 + 1", "arithmetic has no place here; a condition compares fields with values")]),
        ("-hold", [("-hold", "arithmetic has no place here; a condition compares fields with values")]),
        ('- "x" == 3', [('- "x"', "arithmetic has no place here; a condition compares fields with values")]),
        (
            "hold if security else hold",
            [("hold if security else hold", "if … else has no place here; a condition compares fields with values")],
        ),
        ("lambda: hold", [("lambda: hold", "lambda has no place here; a condition compares fields with values")]),
        (
            'labels[0] == "x"',
            [("labels[0]", "[…] after a name has no place here; a condition compares fields with values")],
        ),
        ('f"{hold}"', [('"{hold}"', "a text begins with its quotes; only r may stand before them")]),
        (
            "[hold for hold in labels]",
            [("[hold for hold in labels]", "for has no place here; a condition compares fields with values")],
        ),
        ("hold := True", [("=", "= means nothing in a condition; write == to compare")]),
        (
            "(hold, security)",
            [("(hold, security)", "a comma has no place here; a condition compares fields with values")],
        ),
        (
            "(hold and security) == True",
            [
                (
                    "hold and security",
                    "this is true or false already and compares with nothing; join conditions with and, or",
                )
            ],
        ),
        (
            '(severity == "high") == True',
            [
                (
                    'severity == "high"',
                    "this is true or false already and compares with nothing; join conditions with and, or",
                )
            ],
        ),
        (
            "(not hold) == security",
            [("not hold", "this is true or false already and compares with nothing; join conditions with and, or")],
        ),
        (
            'mentions(text, "x") == True',
            [
                (
                    'mentions(text, "x")',
                    "this is true or false already and compares with nothing; join conditions with and, or",
                )
            ],
        ),
        ('severity == b"x"', [('"x"', "a text begins with its quotes; only r may stand before them")]),
        ("severity == 1j", [("1j", "1j means nothing in a condition")]),
        ("severity == ...", [("...", "... means nothing in a condition")]),
        ("hold and", [("d", "the condition ends too early; something is missing after this")]),
        ("and hold", [("a", "this cannot be read from here on")]),
        ("hold or or security", [("o", "this cannot be read from here on")]),
        ("a.b.c == 3", [("a.b.c", "a.b.c has no place here; a condition compares fields with values")]),
        ('Priority == "x"', [("Priority", 'no field Priority; for a text write "Priority" in quotes')]),
        ("severity == High", [("High", 'no field High; for the level write "high" in quotes')]),
        ("true", [("true", "true has no place here; write the field alone, or `not` before it")]),
        ("hold == true", [("true", "true has no place here; write the field alone, or `not` before it")]),
        ("severity == null", [("null", "null has no place here; write the field alone, or `not` before it")]),
        ("", [("", "this condition is empty; without a condition leave `when` out")]),
        ("   ", [("   ", "this condition is empty; without a condition leave `when` out")]),
        ("# nothing", [("# nothing", "this condition is empty; without a condition leave `when` out")]),
        ('colour == "red"', [("colour", "no field colour; our own fields are declared in [fields]")]),
        (
            'prioritty == "x" and hodl and foo(text)',
            [
                ("prioritty", "no field prioritty; our own fields are declared in [fields]"),
                ("hodl", "no field hodl; did you mean hold?"),
                ("foo", "no function foo; there is mentions, matches, during"),
            ],
        ),
        (
            "not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not not hold",
            [("not not not not not not not not not hold", "this is nested too deeply; split it into two rules")],
        ),
        (
            "((((((((((((((((((((((((((((((((((((((((hold))))))))))))))))))))))))))))))))))))))))",
            [("(", "this is nested too deeply; split it into two rules")],
        ),
        ('severity == "\x07"', [("\x07", "an invisible character, U+0007; delete it")]),
        ("hold\u200b", [("\u200b", "an invisible character, U+200B; delete it, or write a space")]),
        ('severity\xa0== "high"', [("\xa0", "an invisible character, U+00A0; delete it, or write a space")]),
        ('mentions(text, "\\tis \\bdown")', [("\\b", f"\\b is a backspace here; {BOUNDARY}")]),
        ('mentions(text, "\bdown")', [("\b", f'this is a backspace, which is what "\\b" means in TOML; {BOUNDARY}')]),
        ("hold and \u2028security", [("\u2028", "an invisible character, U+2028; delete it, or write a space")]),
    ],
)
def test_a_mistake_is_underlined_and_answered(source: str, told: list[tuple[str, str]]) -> None:
    assert answers(source) == told


@pytest.mark.parametrize(
    "source",
    ["not " * 2_000 + "hold", "1" + "+1" * 3_000, "a" + ".a" * 4_000 + " == 1", "-" * 9_000 + "1 == 1", "(" * 9_000],
    ids=["not", "plus", "dots", "minus", "brackets"],
)
def test_what_is_nested_too_deeply_is_told_and_nothing_breaks(source: str) -> None:
    assert any("nested too deeply" in said or "has no place" in said for _, said in answers(source))


def test_a_condition_has_a_greatest_length() -> None:
    assert answers("hold" + " " * 10_000) == [(" ", "a condition has at most 10,000 characters; split the rule")]


def test_a_mistake_on_a_later_line_is_underlined_there() -> None:
    source = 'mentions(text, "größer") and\r\n  "ä" in labels and severty == "high"  # ü\r\n and (hodl)'
    assert answers(source) == [
        ("severty", "no field severty; did you mean severity?"),
        ("hodl", "no field hodl; did you mean hold?"),
    ]


def test_a_mistake_around_all_of_a_condition_is_underlined_as_far_as_it_goes() -> None:
    assert answers('summary == "ä", hold') == [
        ('summary == "ä", hold', "a comma has no place here; a condition compares fields with values")
    ]


def test_a_bracket_too_many_cannot_close_what_the_condition_is_read_within() -> None:
    assert answers("hold) or (security") == [(")", "this ) closes nothing")]


def test_mistakes_say_all_in_one_line() -> None:
    with pytest.raises(Mistakes, match=r"^no field hodl; no field sevrity$"):
        compiled('hodl and sevrity == "high"')


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_reserved_name_is_no_field(word: str) -> None:
    assert word not in VOCABULARY.words
    assert answers(word)


def test_a_list_of_groups_cannot_be_asked_for() -> None:
    company = COMPANY.replace('vip = ["person:maria",', 'vip = ["members:dba", "person:maria",')
    with pytest.raises(Mistakes) as wrong:
        condition.compile("reporter in lists.vip", rules(company=company).vocabulary)
    (one,) = wrong.value.mistakes
    assert one.message == "lists.vip has members:dba, which changes and cannot be asked for"


def test_where_nothing_is_near_all_attributes_are_told() -> None:
    assert answers('service.colour == "red"') == [
        (
            "service.colour",
            "service has no colour; there is name, team, criticality, rto, rpo, departments, vendor, depends_on",
        )
    ]


def test_fixed_values_are_not_looked_for_in_each_other() -> None:
    assert answers('"high" in ["high"]') == [
        ('"high"', "two fixed values are compared; the left side must be a field of the ticket")
    ]


def test_calls_spread_out_or_by_keyword_are_not_made() -> None:
    assert answers("mentions(text, *labels)") == [("mentions(text, *labels)", "mentions takes plain values only")]
