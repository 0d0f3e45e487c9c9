"""Text from a ticket stays text, whatever it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from connectors.markup import _line, inert, linked, parse, plain, words
from connectors.model import Topic

NASTY = [
    "**bold** _it_ ~~gone~~ `code` ```",
    "[click](http://evil.example) <http://evil.example> ![x](http://evil.example/p.png)",
    "<!channel> <@U123> @here <b>loud</b> &amp; &lt;",
    "# heading\n- item\n+ item\n* item\n1. one\n2) two\n> quote\n---\n***\n===",
    "    indented\n\n\tcode",
    "a|b\n:-|-:\n1|2",
    "a|b\n:-",
    "[ref]: http://evil.example",
    "ends in a backslash\\",
    "```py\nimport os\n```",
]


def kinds(node: SyntaxTreeNode) -> set[str]:
    return {each.type for each in node.walk()}


@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_a_title_is_markup(text):
    assert kinds(parse(inert(text))) <= {"root", "paragraph", "inline", "text", "softbreak", "hardbreak"}


@given(st.text(alphabet=st.sampled_from("ab \t\n\r\\`*_[]()<>&~|#+-=:!.1)\"'{}$^@/;,?%é😀\u2028\x0b")))
def test_inert_text_reads_as_itself(text):
    tree = parse(inert(text))
    assert kinds(tree) <= {"root", "paragraph", "inline", "text", "softbreak", "hardbreak"}
    said = "".join(words(paragraph) for paragraph in tree.children)
    assert "".join(said.split()) == "".join(text.split())


@given(st.text())
def test_no_text_breaks_the_parser(text):
    parse(text)
    plain(text)


@given(st.text())
def test_inert_text_closes_no_code_around_it(text):
    tree = parse(f"```\n{inert(text)}\n```")
    assert [node.type for node in tree.children] == ["fence"]


def test_inert_text_can_stand_inside_markup():
    tree = parse(f"**{inert('a*b')}** [{inert('x](y')}](https://ok.example)")
    assert plain(f"**{inert('a*b')}**") == "a*b"
    assert [n.attrs["href"] for n in tree.walk() if n.type == "link"] == ["https://ok.example"]


def test_plain_keeps_the_shape_and_drops_the_markup():
    text = (
        "# Title\n\nA **bold** [link](http://x)\nnext\n\n- one\n  - two\n3. three\n4. four\n\n> said\n\n"
        "```\ncode\n```\n\n|a|b|\n|-|-|\n|1|2|"
    )
    assert plain(text).split("\n") == [
        "Title",
        "A bold link",
        "next",
        "• one",
        "  • two",
        "3. three",
        "4. four",
        "> said",
        "code",
        "a | b",
        "1 | 2",
    ]


LINES = [
    "[a]",
    "[a]: /x",
    "**b** [a] c",
    "- [a]",
    "",
    "> `x`",
    "![i [a]](y)",
    "1. \\* &amp; <u>",
    "a|b",
    "-|-",
    "~~s~~  ",
]


WHOLE = [
    "Title",
    "**Title**",
    "**b** c  ",
    "- 10:17 call *maria*\\",
    "- a [a] b",
    "- a\\[b]: c",
    "- ä",
    "c\\",
    "a ]: b",
    "---",
    "===",
]
ODD = [
    "- 1. b",
    "- 1) [a]: /x",
    "-  a",
    "- ",
    "-\ta",
    "- a\rb",
    "a\r- b",
    "- - -",
    "  - a",
    "**",
    "1. a",
    "```",
    "- **b**",
]


@given(st.lists(st.sampled_from(LINES + WHOLE + ODD) | st.text(max_size=20), max_size=12))
def test_what_is_remembered_of_lines_is_what_is_read(lines: list[str]) -> None:
    text = "\n".join(lines)
    bare = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    expected = SyntaxTreeNode(bare.parse(text)).pretty(show_text=True)
    for _ in range(2):
        assert parse(text).pretty(show_text=True) == expected
        assert parse(f"{text}\n").pretty(show_text=True) == SyntaxTreeNode(bare.parse(f"{text}\n")).pretty(
            show_text=True
        )


@given(st.lists(st.sampled_from(["", *WHOLE]) | st.sampled_from(["", "", *WHOLE, *ODD]), max_size=12))
def test_a_line_that_stands_for_itself_is_read_by_itself(lines: list[str]) -> None:
    text = "\n".join(lines)
    bare = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    assert parse(text).pretty(show_text=True) == SyntaxTreeNode(bare.parse(text)).pretty(show_text=True)


def test_a_long_log_costs_little_when_one_is_added() -> None:
    lines = [f"- 10:{number % 60:02} line {number}" for number in range(300)]
    text = "\n".join(("**Log**", "", "**Next**", "", "- nothing", "", "**Happened**", "", *lines))
    parse(text)
    before = _line.cache_info().misses
    tree = parse(f"{text}\n- 11:00 one more")
    assert _line.cache_info().misses == before + 1
    assert [node.type for node in tree.children].count("bullet_list") == 2
    assert len(tree.children[-1].children) == 301


URL = "https://tracker.example.org/browse/OPS_1?x=1&y=2"
ABOUT = Topic("1", "OPS-1", url=URL)


def linked_to(text: str, about: Topic | None = ABOUT) -> list[tuple[str, str]]:
    return [(str(node.attrs["href"]), words(node)) for node in linked(text, about).walk() if node.type == "link"]


@pytest.mark.parametrize(
    ("text", "count", "why"),
    [
        (f"It is down. {inert(URL)}", 1, "at the end"),
        (f"{inert(URL)}\n\n- see {inert(URL)}.\n- ({inert(URL)}), twice", 3, "anywhere, before punctuation"),
        (f"**{inert(URL)}**", 1, "bold"),
        (f"{inert(URL)}0", 0, "another address that begins so"),
        (f"{inert(URL)}/comments", 0, "another address that begins so"),
        (f"x{inert(URL)}", 0, "within a word"),
        (f"https://evil.example/?to={inert(URL)}", 0, "within another address"),
        ("https://evil.example/OPS-1", 0, "nobody else's becomes one"),
        (f"`{URL}`", 0, "code"),
        (f"```\ncurl {URL}\n```", 0, "code"),
        (f"[there]({URL})", 1, "a link already"),
        (f"[see {URL} there](https://wiki.example.org)", 1, "within a link"),
    ],
)
def test_the_bare_address_of_the_ticket_reads_as_its_key(text: str, count: int, why: str) -> None:
    found = linked_to(text)
    assert len(found) == count, why
    written = "](" in text
    assert all(written or one == (URL, "OPS-1") for one in found), why


@pytest.mark.parametrize(
    "about",
    [None, Topic("1"), Topic("1", "OPS-1"), Topic("1", url=URL), Topic("1", "OPS-1", url="javascript:alert(1)")],
)
def test_an_address_stays_as_it_is_where_the_key_or_the_address_may_not_be_told(about: Topic | None) -> None:
    assert linked_to(f"{inert(URL)} javascript:alert(1)", about) == []


def test_a_key_that_looks_like_markup_is_text() -> None:
    (node,) = [n for n in linked(inert(URL), Topic("1", "**<!here>**", url=URL)).walk() if n.type == "link"]
    assert [child.type for child in node.children] == ["text"]
    assert words(node) == "**<!here>**"


def test_a_tree_that_is_shared_is_not_changed() -> None:
    text = f"see {inert(URL)}"
    linked(text, ABOUT)
    assert kinds(parse(text)) <= {"root", "paragraph", "inline", "text"}
