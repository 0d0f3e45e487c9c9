"""Texts say what they may, and nothing that a ticket says is markup."""

# ruff: noqa: E501  (an answer is read best on one line)
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rules.logic import UNKNOWN
from rules.template import FILTERS
from rules.text import LONGEST_TEXT, SERVICE_WORDS, Markdown, Mistake, Template, inert, shown
from tests.rules.example import MORNING, TOM, facts, later

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = {
    "key",
    "summary",
    "severity",
    "assignee",
    "labels",
    "eta",
    "service",
    "hold",
    "users",
    "changed",
    *SERVICE_WORDS,
}


def render(source: str, **words: object) -> str:
    return Template(source).render(words, BERLIN, MORNING)


@pytest.mark.parametrize(
    ("source", "words", "text", "why"),
    [
        ("**{{ key }}** {{ summary }}", {"key": "OPS-1", "summary": "a *b*"}, "**OPS-1** a \\*b\\*", "ours is markup, theirs is not"),
        ("{{ assignee or 'nobody yet' }}", {"assignee": None}, "nobody yet", "or"),
        ("[{{ eta }}{{ colour }}{{ service.rto }}]", {"eta": None, "colour": UNKNOWN, "service": None}, "[]", "empty prints nothing"),
        ("[{{ forgotten }}]", {}, "[]", "so does what is not given"),
        ("by {{ eta }}", {"eta": later(hours=5)}, "by 15:00", "a moment of today"),
        ("by {{ eta }}", {"eta": later(days=1)}, "by 19 Nov 10:00", "of another day"),
        ("{{ eta|time }} {{ eta|date }}", {"eta": later(days=1)}, "10:00 19 Nov 2026", "its time, its date"),
        ("{{ n }} {{ m }} {{ f }}", {"n": 1400.0, "m": 1.5, "f": 70_000_000_000}, "1400 1.5 70000000000", "numbers as people write them"),
        ("{{ hold }} {{ security }}", {"hold": True, "security": False}, "yes no", "flags"),
        ("{{ labels }}", {"labels": ("a_b", "c")}, "a\\_b, c", "lists"),
        ("{{ rto }}", {"rto": timedelta(minutes=90)}, "1h30m", "durations"),
        ("{{ changed }}{{ changed|upper }}", {"changed": Markdown("*x*")}, "*x*\\*X\\*", "ours stays as long as it is"),
        ("{% if eta %}x{% elif hold %}y{% else %}z{% endif %}", {"eta": None, "hold": True}, "y", "if"),
        ("{% for one in labels %}{{ loop.index }} {{ one }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}", {"labels": ("a", "b")}, "1 a, 2 b", "for"),
        ("{% for one in labels %}{{ one }}{% else %}none{% endfor %}", {"labels": None}, "none", "over nothing"),
        ("{{ 'x' if 'a' in labels else 'y' }}", {"labels": None}, "y", "in nothing"),
        ("{{ 'x' if severity in ['high', 'low'] else 'y' }}", {"severity": "high"}, "x", "in a list"),
        ("{{ 'x' if severity == 'high' and not hold else 'y' }}", {"severity": "high", "hold": False}, "x", "and, not"),
        ("{{ labels|join(' + ') }} {{ labels|first }} {{ labels|last }} {{ labels|length }}", {"labels": ("a", "b")}, "a + b a b 2", "filters of lists"),
        ("[{{ labels|first }}{{ labels|last }}{{ labels|join }}] {{ labels|length }}", {"labels": None}, "[] 0", "of empty ones"),
        ("{{ s|upper }} {{ s|lower }} {{ s|title }} {{ s|capitalize }} {{ s|trim }}", {"s": " aB c "}, "\u00a0AB C \u00a0ab c \u00a0Ab C \u00a0ab c aB c", "filters of texts"),
        ("{{ s|truncate(4) }} {{ s|truncate }}", {"s": "abc def"}, "abc… abc def", "cut"),
        ("{{ n|round(1) }} {{ n|round }} {{ s|round }} {{ hold|round }}", {"n": 2.456, "s": "x", "hold": True}, "2.5 2 x yes", "rounded"),
        ("{{ n|default('-') }} {{ zero|default('-') }} {{ n|default }}", {"n": None, "zero": 0}, "\\- 0 ", "a default"),
        ("{{ s|time }} {{ s|date }} {{ s|join }}", {"s": "x"}, "x x x", "of no moment"),
        ("{{ s|truncate(0) }} {{ n|round(99) }} {{ n|round('x') }} {{ n|length }}", {"s": "x", "n": 1.5}, "x 1.5 2 1", "with odd arguments"),
        ("{{ summary }}", {"summary": "@here <!channel> me@x.org"}, "\\@\u2060here \\<!channel\\> me@x.org", "mentions are broken"),
        ("{{ who.nothing }}", {"who": TOM}, "", "an attribute that is not there is empty"),
    ],
)  # fmt: skip
def test_a_text_renders(source: str, words: dict[str, Any], text: str, why: str) -> None:
    assert render(source, **words) == text, why


def test_a_service_and_a_person_print_their_names_and_equal_them() -> None:
    words = facts({"service": "checkout", "assignee": TOM}).words({"rule": "r"})
    source = (
        "{{ service }} {{ service.rto }} {{ service.departments }} {{ service.rpo or '-' }} {{ assignee }} {{ rule }}"
    )
    assert Template(source).render(words, BERLIN) == "checkout 4h sales \\- tom r"
    source = "{{ 'a' if service == 'checkout' else 'b' }}{{ 'a' if assignee in ['tom'] else 'b' }}{{ 'a' if assignee == 'ann' else 'b' }}"
    assert Template(source).render(words, BERLIN) == "aab"


def test_a_text_knows_the_names_that_it_uses() -> None:
    template = Template("{{ key }} {{ service.rto }} {% for one in labels %}{{ one }}{% endfor %}", NAMES)
    assert template.names == {"key", "service", "labels"}
    assert repr(template).startswith("Template('{{ key }}")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ sumary }}", [("sumary", "no variable sumary; did you mean summary?")]),
        ("x\n\n{{ key }}{{ kee }}", [("kee", "no variable kee; did you mean key?")]),
        ("{{ kee }} { colour } {{ kee }}", [("kee", "no variable kee; did you mean key?"), ("kee", "no variable kee; did you mean key?")]),
        ("{{ '}}' or kee }}", [("{{ '}}", "no variable kee; did you mean key?")]),
        ("{{ service.teem }} {{ sevrice.team }}", [("service.teem", "service has no teem here; did you mean team?"), ("sevrice", "no variable sevrice; did you mean service?")]),
        ("{{ key.x.y }}", [("{{ key.x.y }}", "nothing here has a y; write the variable alone")]),
        ("{{ key.__class__ }}", [("key.__class__", "key has no __class__ here")]),
        ("{% for one in labels %}{{ one.name }}{{ loop.cycle }}{% endfor %}", [("one.name", "nothing here has a name; write the variable alone"), ("loop.cycle", "nothing here has a cycle; write the variable alone")]),
        ("{{ key|uper }}", [("uper", "no filter uper; did you mean upper?")]),
        ("{{ key|center(90) }}", [("center", f"no filter center; there is {', '.join(FILTERS)}")]),
        ("{{ key|truncate(users) }}", [("truncate", "truncate takes one plain value")]),
        ("{{ key|truncate(kee) }}", [("truncate", "truncate takes one plain value"), ("kee", "no variable kee; did you mean key?")]),
        ("{{ key|upper(1) }}", [("upper", "upper takes nothing in parentheses")]),
        ("{{ key|truncate(length=3) }}", [("truncate", "truncate takes one plain value")]),
        ("{{ 'x' * 100000000 }}", [("{{ 'x' * 100000000 }}", "arithmetic has no place in a text; texts carry moments, never amounts of time left")]),
        ("{{ -users }}", [("{{ -users }}", "arithmetic has no place in a text")]),
        ("{{ key ~ key }}", [("{{ key ~ key }}", "~ has no place in a text; write {{ one }} {{ other }}")]),
        ("{{ range(9) }}", [("{{ range(9) }}", "a text calls nothing; write the variable without parentheses")]),
        ("{{ labels[0] }}", [("{{ labels[0] }}", "[…] has no place in a text; write the variable alone")]),
        ("{{ eta is defined }}", [("{{ eta is defined }}", "`is` has no place in a text; write {% if eta %} or {% if not eta %}")]),
        ("{{ 'x' if eta }}", [("{{ 'x' if eta }}", "this `if` has no else; write {{ eta if eta else 'soon' }}")]),
        ("{{ users > 3 }}", [("{{ users > 3 }}", "a text does not ask what is greater; write a rule of its own, with `when`")]),
        ("{% set x = 1 %}", [("{% set x = 1 %}", "only {{ … }}, {% if %} and {% for %} have a place in a text")]),
        ("{% filter upper %}x{% endfilter %}", [("{% filter upper %}", "only {{ … }}, {% if %} and {% for %} have a place in a text")]),
        ("{% include 'x' %}", [("{% include 'x' %}", "only {{ … }}, {% if %} and {% for %} have a place in a text")]),
        ("{% for a in labels %}{% for b in labels %}{% endfor %}{% endfor %}", [("{% for a in labels %}", "only a plain loop will do here; write {% for label in labels %}, not within another")]),
        ("{% for a in ['x'] %}{{ a }}{% endfor %}", [("{% for a in ['x'] %}", "a loop goes over a variable; write {% for label in labels %}")]),
        ("a { key } ${summary}", [("{ key }", "a variable has two braces; write {{ key }}"), ("${summary}", "a variable has two braces; write {{ summary }}")]),
        ("{{ key", [("{{", "this text cannot be read: unexpected end of template, expected '}}'")]),
        ("a\n{% if hold %}x", [("{% if hold %}", "this text cannot be read: unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'")]),
        ("{# a", [("{#", "this text cannot be read: missing end of comment tag")]),
        ("{#", [("{#", "this remark is not closed; close it with #}")]),
        ("%}\n{{ 'x }}", [("{{ 'x }}", "this text cannot be read: unexpected char \"'\" at 6")]),
    ],
)  # fmt: skip
def test_a_mistake_is_underlined_and_answered(source: str, told: list[tuple[str, str]]) -> None:
    with pytest.raises(Mistake) as wrong:
        Template(source, NAMES)
    assert [
        (source[one.offset : one.offset + one.length], f"{one.message}; {one.hint}" if one.hint else one.message)
        for one in wrong.value.mistakes
    ] == told


def test_a_mistake_speaks_of_the_first() -> None:
    with pytest.raises(Mistake) as wrong:
        Template("{{ kee }} {{ sumary }}", NAMES)
    assert (wrong.value.offset, wrong.value.length) == (3, 3)
    assert (wrong.value.message, wrong.value.hint) == ("no variable kee", "did you mean key?")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x" * 10_001, "a text has at most 10,000 characters"),
        ("{{ " + "not " * 40 + "key }}", "this text is nested too deeply"),
        ("{{ " + "not " * 2_000 + "key }}", "this text is nested too deeply"),
        ("{{ " + "9" * 5_000 + " }}", "this text cannot be read: exceeds the limit"),
    ],
    ids=["long", "deep", "deeper", "digits"],
)
def test_a_text_has_its_limits(source: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        Template(source, NAMES)


def test_what_is_said_is_cut_and_never_ends_in_half_an_escape() -> None:
    text = render(
        "{% for one in labels %}{{ one }}{% endfor %}", labels=["x" * (LONGEST_TEXT // 2 - 1), "*" * 8_000, "x"]
    )
    assert len(text) <= LONGEST_TEXT + 1
    assert text.endswith("\\*…")
    assert len(render("{{ summary }}", summary="x" * 100_000)) == 8_193


def test_a_text_that_cannot_be_made_whole_says_so_and_is_still_told() -> None:
    assert render("{{ key }}: {% for one in users %}{{ one }}{% endfor %}!", key="OPS-1", users=3) == (
        "OPS-1: (the rest of this text could not be made: 'int' object is not iterable)"
    )


@given(st.lists(st.sampled_from(["{{ key }}", "{{ users|round }}", "{% if eta %}", "{% endif %}", "{{", "}}", "{%", "%}", "{#", "#}", "x", "{{ labels|join(key) }}", "{{ (key", ") }}", "|first", "\n", "'"]), max_size=8).map("".join) | st.text())  # fmt: skip
def test_no_text_raises_anything_but_its_own_error(source: str) -> None:
    try:
        template = Template(source, NAMES)
    except Mistake as wrong:
        for one in wrong.mistakes:
            assert 0 <= one.offset <= len(source)
    else:
        assert isinstance(template.render({"key": "*", "users": "x", "eta": 3, "labels": 7}), str)


# ---- inert

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
UGLY = st.text("*_`~#-+=|<>[]()!&\\1.) \t\n@:/haere\r\x00\u202e\u2028😀ä", max_size=40)


def texts(tokens: list[Token]) -> str:
    """All that is said, where there is nothing but paragraphs of plain text."""
    said = []
    for token in tokens:
        assert token.type in {"paragraph_open", "paragraph_close", "inline"}, token
        for child in token.children or ():
            assert child.type in {"text", "softbreak", "text_special"}, child
            said.append("\n" if child.type == "softbreak" else child.content)
    return "".join(said)


@given(UGLY | st.text())
def test_whatever_a_ticket_says_is_plain_text(text: str) -> None:
    said = texts(_MARKDOWN.parse(inert(text)))
    visible = {letter for letter in text if letter.isalnum() or letter in "*_`~#<>[]()!&\\"}
    assert visible <= set(said)
    assert not {"\u202e", "\x00"} & set(inert(text))


@given(UGLY)
def test_it_is_plain_text_also_within_our_own_markup(text: str) -> None:
    one_line = " ".join(text.split())
    parsed = _MARKDOWN.parse(f"**{inert('x' + one_line)}**")
    kinds = [child.type for token in parsed for child in token.children or ()]
    assert {"strong_open", "strong_close"} <= set(kinds)
    assert not {"link_open", "html_inline", "em_open", "code_inline", "image", "s_open"} & set(kinds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# a", "\\# a"),
        ("1. a", "1\\. a"),
        ("10) a", "10\\) a"),
        ("- a\n+ b", "\\- a\n\\+ b"),
        ("    code", "\u00a0\u00a0\u00a0\u00a0code"),
        ("\tcode", "\u00a0\u00a0\u00a0\u00a0code"),
        ("a  \nb", "a\nb"),
        ("`x`", "&#96;x&#96;"),
        ("https://x.org/a_b?c=d&e", "https://x.org/a\\_b?c=d\\&e"),
        ("ann@x.org and @ann, (@here)", "ann@x.org and @\u2060ann, (@\u2060here)"),
        ("1.5 and 3-4", "1\\.5 and 3-4"),
        (42, "42"),
    ],
)
def test_what_could_be_markup_is_escaped_and_nothing_else(text: object, said: str) -> None:
    assert inert(text) == said


@pytest.mark.parametrize(
    ("moment", "now", "said"),
    [
        (MORNING, MORNING, "10:00"),
        (MORNING, None, "18 Nov 2026 10:00"),
        (MORNING, later(days=2), "18 Nov 10:00"),
        (MORNING, later(days=60), "18 Nov 2026 10:00"),
        (datetime(2026, 11, 18, 23, 30, tzinfo=UTC), MORNING, "19 Nov 00:30"),
    ],
)
def test_a_moment_has_its_date_unless_it_is_today(moment: datetime, now: datetime | None, said: str) -> None:
    assert shown(moment, BERLIN, now) == said


@pytest.mark.parametrize(("year", "zone"), [(9999, "Asia/Tokyo"), (1, "America/New_York")])
def test_a_moment_at_the_end_of_the_calendar_is_shown_all_the_same(year: int, zone: str) -> None:
    at = datetime(9999, 12, 31, 23, 59, tzinfo=UTC) if year == 9999 else datetime(1, 1, 1, tzinfo=UTC)
    assert f" {year} " in shown(at, ZoneInfo(zone), MORNING)
    assert str(year) in Template("{{ eta|date }}").render({"eta": at}, ZoneInfo(zone), MORNING)
