"""Markdown as Slack's blocks: shapes, limits, and that nothing from a ticket is more than text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.markup import inert
from connectors.model import Button, Message
from connectors.slack.blocks import blocks, cut, fallback, rich_text
from sandbox.slack.limits import refusal

NASTY = [
    "<!channel> look",
    "@here @channel @everyone",
    "<@U024BE7LH> and <#C024BE7LH> and <!subteam^S1>",
    "<b>bold</b> <script>alert(1)</script> &lt;!channel&gt;",
    "[click me](http://evil.example) <http://evil.example|bank> http://evil.example",
    "`code` ```block``` *all* _memory_ ~gone~ **loud**",
    "# title\n> quote\n- item\n1. one\n---",
    "a\\b \\*c\\* :fire: <mailto:a@b.c|x>",
]
texts = st.text(alphabet=st.one_of(st.sampled_from("<>!@#&*_~`[]()|\\:- \n"), st.characters(codec="utf-8")))


def pieces(made):
    """Every innermost element of rich text, depth first."""
    for node in made:
        if "elements" in node:
            yield from pieces(node["elements"])
        else:
            yield node


def said(text):
    """What is left of a ticket's text after Markdown and Slack: the words of plain, unstyled texts only."""
    found = list(pieces(rich_text(inert(text))))
    assert {piece["type"] for piece in found} <= {"text"}
    assert not any("style" in piece for piece in found)
    return "".join(piece["text"] for piece in found)


@pytest.mark.parametrize("text", NASTY)
def test_nothing_a_ticket_says_is_a_mention_a_link_or_markup(text):
    assert said(text).split() == text.split()
    message = Message(inert(text), title=inert(text))
    (header, _) = blocks(message)
    assert not {"<", ">"} & set(header["text"]["text"])
    assert header["text"]["type"] == "plain_text"
    assert not {"<", ">"} & set(fallback(message))


@given(texts)
def test_no_ticket_text_is_ever_more_than_text(text):
    assert "".join(said(text).split()) == "".join(text.replace("\x00", "\ufffd").split())


@given(texts, texts)
def test_no_message_is_refused_by_slack_and_no_raw_bracket_is_in_a_text_object(text, title):
    message = Message(text, (Button("Go", "take", "1"),), title=title)
    made = blocks(message)
    assert refusal(fallback(message), made) == ("", [])
    assert not {"<", ">"} & set(fallback(message))
    assert not any({"<", ">"} & set(b["text"]["text"]) for b in made if b["type"] == "header")


@pytest.mark.parametrize("text", NASTY)
def test_even_an_authors_text_pings_nobody(text):
    assert not {piece["type"] for piece in pieces(rich_text(text))} - {"text", "link"}


def test_markdown_becomes_rich_text():
    text = "# Head\n\nSome **bold _both_** ~~gone~~ `x` [link](https://ok.example)\nnext\n\nlast"
    (block,) = rich_text(text)
    assert block["elements"] == [
        section({"type": "text", "text": "Head", "style": {"bold": True}}, {"type": "text", "text": "\n"}),
        section(
            {"type": "text", "text": "Some "},
            {"type": "text", "text": "bold ", "style": {"bold": True}},
            {"type": "text", "text": "both", "style": {"bold": True, "italic": True}},
            {"type": "text", "text": " "},
            {"type": "text", "text": "gone", "style": {"strike": True}},
            {"type": "text", "text": " "},
            {"type": "text", "text": "x", "style": {"code": True}},
            {"type": "text", "text": " "},
            {"type": "link", "url": "https://ok.example", "text": "link"},
            {"type": "text", "text": "\nnext\n"},
        ),
        section({"type": "text", "text": "last"}),
    ]


def test_lists_nest_and_go_on_counting():
    (block,) = rich_text("3. three\n   - inner\n4. four")
    shapes = [(e["style"], e["indent"], e.get("offset"), len(e["elements"])) for e in block["elements"]]
    assert shapes == [("ordered", 0, 2, 1), ("bullet", 1, None, 1), ("ordered", 0, 3, 1)]


def test_quotes_code_tables_and_rules_have_a_shape():
    (block,) = rich_text(
        "> a\n>\n> - b\n\n```\nx < y\n```\n\n|a|long|\n|-|-|\n|1|2|\n\n---\n\n![chart](https://ok.example/c.png)"
    )
    kinds = [element["type"] for element in block["elements"]]
    quote, code, table, rule, image = block["elements"]
    assert kinds == [f"rich_text_{kind}" for kind in ("quote", "preformatted", "preformatted", "section", "section")]
    assert quote["elements"] == [{"type": "text", "text": "a\n• b"}]
    assert code["elements"] == [{"type": "text", "text": "x < y"}]
    assert table["elements"] == [{"type": "text", "text": "a  long\n1  2"}]
    assert rule["elements"] == [{"type": "text", "text": "———\n"}]
    assert image["elements"] == [{"type": "link", "url": "https://ok.example/c.png", "text": "chart"}]


def test_a_link_that_is_no_web_address_is_text():
    (block,) = rich_text("[run](javascript:alert) [file](file:///etc/passwd)")
    assert {piece["type"] for piece in pieces([block])} == {"text"}


def test_an_address_from_a_ticket_can_be_made_a_link_by_the_author():
    url = "https://your-site.example/browse/OPS_1?a=b&c=(d)*"
    (block,) = rich_text(f"[{inert('OPS_1')}]({inert(url)})")
    assert list(pieces([block])) == [{"type": "link", "url": url, "text": "OPS_1"}]


def section(*elements):
    return {"type": "rich_text_section", "elements": list(elements)}


@pytest.mark.parametrize("part", ["word ", "paragraph\n\n", "- item\n", "**b** ", "`c` "])
def test_a_long_text_is_cut_with_an_ellipsis_that_is_seen(part):
    message = Message(part * (20_000 // len(part)), (Button("Go", "take", "1"),), title="t" * 500)
    made = blocks(message)
    assert refusal(fallback(message), made) == ("", [])
    assert len(json.dumps(made, ensure_ascii=False)) < 13_000
    last = list(pieces([made[1]]))[-1]
    assert last["text"].endswith("…")
    assert made[0]["text"]["text"].endswith("…")
    assert len(made[0]["text"]["text"]) == 150
    assert fallback(message).endswith("…")
    assert made[-1]["type"] == "actions"


def test_a_cut_never_splits_an_entity():
    assert [cut("&&&&", limit) for limit in (20, 16, 11, 6)] == [
        "&amp;&amp;&amp;&amp;",
        "&amp;&amp;&amp;…",
        "&amp;&amp;…",
        "&amp;…",
    ]


def test_buttons_of_one_verb_differ_by_number():
    made = blocks(Message("x", tuple(Button("Take", "take", str(n)) for n in range(30))))
    assert [b["action_id"] for b in made[-1]["elements"]][:3] == ["take", "take#2", "take#3"]
    assert refusal("x", made) == ("", [])


@pytest.mark.parametrize(("colour", "mark"), [(0.0, "⚪"), (0.3, "🟡"), (0.6, "🟠"), (0.9, "🔴"), (1.0, "🔴")])
def test_a_title_shows_how_bad_it_is(colour, mark):
    (header,) = blocks(Message("", title="Checkout", colour=colour))
    assert header["text"]["text"] == f"{mark} Checkout"
