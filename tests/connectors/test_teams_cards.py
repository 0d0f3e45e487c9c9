"""Markdown as an Adaptive Card: what is shown is what was written, and what came from a ticket is only text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.markup import inert
from connectors.model import Button, Message
from connectors.teams.cards import CUT, ROOM, card, size, summary, without_buttons
from tests.connectors.contracts import CONTRACTS
from tests.connectors.teams_tenant import check_card


def body(text):
    made = card(Message(text))
    if CONTRACTS.exists():
        check_card(made)
    return made["body"]


def runs(text):
    return [run for block in body(text) for run in block["inlines"]]


def shown(node):
    """All text of a card in order, a line for each block."""
    if isinstance(node, list):
        return [line for each in node for line in shown(each)]
    if node.get("type") == "RichTextBlock":
        return ["".join(run["text"] for run in node["inlines"])]
    return [line for value in node.values() if isinstance(value, list) for line in shown(value) if value]


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("plain", {}),
        ("**x**", {"weight": "Bolder"}),
        ("*x*", {"italic": True}),
        ("~~x~~", {"strikethrough": True}),
        ("`x`", {"fontType": "Monospace"}),
        ("# x", {"weight": "Bolder"}),
        ("***x***", {"weight": "Bolder", "italic": True}),
        ("[x](https://x.example/)", {"selectAction": {"type": "Action.OpenUrl", "url": "https://x.example/"}}),
        ("[x](mailto:a@x.example)", {"selectAction": {"type": "Action.OpenUrl", "url": "mailto:a@x.example"}}),
    ],
)
def test_a_style_stands_beside_the_text(text, looks):
    (run,) = runs(text)
    assert {name: value for name, value in run.items() if name not in {"type", "text"}} == looks
    assert run["text"] == text.strip("*~`# ").partition("](")[0].strip("[")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "msteams:/l/call/0/0", "file:///etc/passwd", "data:text/html,x"]
)
def test_a_link_that_is_none_of_the_web_is_only_text(url):
    assert all("selectAction" not in run for run in runs(f"[x]({url}) <{url}>"))


def test_lines_are_lines_of_their_own():
    assert shown(body("one\ntwo  \nthree\n\nfour")) == ["one", "two", "three", "four"]


def test_lists_quotes_code_and_tables_keep_their_shape():
    text = "- a\n- b\n  - c\n\n3. x\n4. y\n\n> said\n\n```\ncode\n  more\n```\n\n---\n\n| a | b |\n|---|---|\n| 1 | |\n"
    assert shown(body(text)) == [
        "• a", "• b", "\u2003• c", "3. x", "4. y", "said", "code", "  more", "———", "a", "b", "1", " ",
    ]  # fmt: skip


def test_a_code_block_in_a_list_is_no_traceback():
    assert shown(body("- a\n\n      code\n\n- > said\n")) == ["• a", "\u2003code", "\u2003> said"]


@pytest.mark.parametrize(
    "title",
    [
        "<at>everyone</at>",
        "use *all* memory",
        "[free](https://evil.example/)",
        "https://evil.example/",
        "{{DATE(2026-01-01T00:00:00Z)}}",
        "- not a list",
        "# no heading",
        "`x` ~~y~~ <b>z</b>",
        "a\\b & c < d",
        "![x](https://evil.example/x.png)",
    ],
)
def test_what_came_from_a_ticket_reads_as_it_is_and_is_nothing_else(title):
    (run,) = runs(inert(title))
    assert run == {"type": "TextRun", "text": title}


@given(st.text(max_size=200))
@settings(max_examples=30)
def test_whatever_a_ticket_says_makes_no_link_no_mention_and_no_error(text):
    made = card(Message(f"**{inert('OPS-1')}** {inert(text)}", title=inert(text)))
    said = json.dumps(made)
    assert "selectAction" not in said
    assert "msteams" not in made
    assert {element["type"] for element in made["body"]} <= {"RichTextBlock"}


def test_the_colour_is_told_by_a_mark_before_the_title():
    marks = [card(Message("x", title="t", colour=colour))["body"][0]["inlines"][0]["text"] for colour in (0, 0.5, 1)]
    assert marks == ["⚪ t", "🟠 t", "🔴 t"]


def test_more_buttons_than_a_row_has_go_into_the_menu():
    made = card(Message("x", tuple(Button(f"b{n}", "take", "1", "danger") for n in range(8))))
    assert [action.get("mode") for action in made["actions"]] == [None] * 6 + ["secondary"] * 2
    assert {action["style"] for action in made["actions"]} == {"destructive"}
    if CONTRACTS.exists():
        check_card(made)
    assert "actions" not in without_buttons(made)


@pytest.mark.parametrize("length", range(26_000, 29_000, 700))
def test_a_card_is_never_larger_than_teams_takes_and_says_where_it_was_cut(length):
    made = card(Message("a" * length, (Button("Take it", "take", "1"),), title="t"))
    assert size(made) < ROOM - 400, "an activity is around it"
    whole = "a" * length in json.dumps(made)
    assert whole is (made["body"][-1]["inlines"][0]["text"] != CUT)


def test_a_summary_is_one_short_line():
    assert summary(Message("**down**\n\nsince ten", title="OPS-1")) == "OPS-1 down since ten"
    assert len(summary(Message("x" * 1_000))) == 200
    assert summary(Message("")) == "…"


def test_an_empty_message_is_a_card_all_the_same():
    assert card(Message(""))["body"] == []
