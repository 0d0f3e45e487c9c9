"""Markdown in Jira's two languages: valid, inert where it came from a ticket, and the same when it is read back."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira.adf import from_adf, to_adf
from connectors.jira.wiki import from_wiki, to_wiki
from connectors.markup import inert

SCHEMA = Path(__file__).resolve().parents[2] / ".venv/share/adf/package/dist/json-schema/v1/full.json"

TEXTS = {
    "nothing": "",
    "a line": "Checkout is **down**, *really*, ~~not~~ `now`.",
    "two lines": "one\ntwo\\\nthree",
    "headings": "# One\n\n### Three\n\n###### Six",
    "lists": "- a\n- b\n  - c\n    1. d\n    2. e\n- f",
    "a list that starts at three": "3. three\n4. four",
    "an empty item": "-\n- b",
    "a list that begins with code": "- ```py\n  a = 1\n  ```\n- b",
    "a loose list": "- a\n\n  more of a\n\n- b",
    "a quote": "> said\n> twice\n>\n> - and listed",
    "a heading in a quote": "> # loud\n>\n> ---\n>\n> > within",
    "an empty quote": ">",
    "a heading in a list": "- # loud\n- > quoted\n- ---",
    "code": "```sql\nselect 1;\n```\n\n    indented",
    "code with nothing in it": "```\n```",
    "code with fences in it": "````\n```\n````",
    "a rule": "a\n\n---\n\nb",
    "a table": "| a | b |\n|---|---|\n| 1 | **2** |\n| | `x` |",
    "a table in a list": "- x\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |",
    "a table in a quote": "> | a |\n> |---|\n> | 1 |",
    "a link": "[the board](https://jira.example/a_b?c=d&e=(f)) and <https://x.example> and <mailto:a@b.example>",
    "a link in bold in italics": "***[x](https://x.example)***",
    "code in a link": "[`x`](https://x.example)",
    "an unsafe link": "[x](javascript:alert(1)) [y](data:text/html,x)",
    "an image": "![a graph](https://x.example/g.png) ![](https://x.example/h.png)",
    "bold in bold": "**a **b** c** __d__",
    "html": "<b>loud</b> &amp; &lt;script&gt;",
    "marks around spaces": "** not bold ** and **bold **",
    "signs of wiki": "{code} {noformat} h1. bq. [~ann] [x|http://x.example] !a.png! {{m}} ---- || a || +e+ ^f^ \\\\",
    "ours": "**Pointman**\n\n**What happens next**\n\n- 10:17 call Maria\n\n**So far**\n\n- 10:02 “x”",
}


@cache
def validator() -> Any:
    from jsonschema import Draft4Validator

    if not SCHEMA.exists():
        pytest.skip("Atlassian's schema of documents was not found (shared contracts: see .ci/run)")
    return Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def assert_valid(document: Any) -> None:
    error = next(validator().iter_errors(document), None)
    if error is not None:
        from jsonschema.exceptions import best_match

        worst = best_match(validator().iter_errors(document))
        raise AssertionError(f"{worst.json_path}: {worst.message[:300]}\n{json.dumps(document)[:1000]}")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_document_is_as_atlassian_defines_it(text: str) -> None:
    assert_valid(to_adf(text))


@pytest.mark.parametrize(
    "bad",
    [
        {"type": "doc", "version": 1, "content": [{"type": "text", "text": "x"}]},
        {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}]},
        {"type": "doc", "version": 1, "content": [{"type": "blockquote", "content": [{"type": "rule"}]}]},
    ],
)
def test_the_schema_refuses_what_jira_would(bad: Any) -> None:
    with pytest.raises(AssertionError):
        assert_valid(bad)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab *_`~#->|[]()!\\\n1.&<{}:/", max_size=60))
def test_any_text_makes_a_valid_document(text: str) -> None:
    assert_valid(to_adf(text))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_document_reads_back_as_the_same_document(text: str) -> None:
    document = to_adf(text)
    again = to_adf(from_adf(document))
    assert again == document


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_wiki_text_reads_back_as_the_same_wiki_text(text: str) -> None:
    written = to_wiki(text)
    assert to_wiki(from_wiki(written)) == written


LINES = st.lists(
    st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40), max_size=4
)


def log_of(lines: list[str]) -> str:
    """A text as our log has them: what came from a ticket is inert, and stands in lists."""
    return "\n".join(("**Pointman**", "", *(f"- {inert(' '.join(line.split()))}" for line in lines))).strip()


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_a_log_with_anything_in_it_survives_being_edited_in_place(lines: list[str]) -> None:
    text = log_of(lines)
    document, wiki = to_adf(text), to_wiki(text)
    assert to_adf(from_adf(document)) == document
    assert to_wiki(from_wiki(wiki)) == wiki


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_what_came_from_a_ticket_is_only_text(lines: list[str]) -> None:
    document = to_adf("\n\n".join(inert(" ".join(line.split())) for line in lines))
    kinds = {node["type"] for node in walk(document)}
    assert kinds <= {"doc", "paragraph", "text"}
    assert not any(node.get("marks") for node in walk(document))


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node.get("content", ()) for inner in walk(child))]


@pytest.mark.parametrize(
    "text", ["[~ann]", "!x.png!", "{color:red}x{color}", "[x|http://evil.example]", "h1. x", "bq. x"]
)
def test_a_title_is_no_wiki_markup(text: str) -> None:
    written = to_wiki(inert(text))
    assert from_wiki(written, faithful=False) == text
    assert "[~" not in written
    assert not written.startswith(("h1.", "bq.", "!", "{"))


# ---- what people write


def test_a_description_reads_as_it_was_typed() -> None:
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "error_code *5*"}]},
            {
                "type": "paragraph",
                "content": [
                    {"type": "text", "text": "ask "},
                    {"type": "mention", "attrs": {"id": "1", "text": "@Ann"}},
                    {"type": "text", "text": " by "},
                    {"type": "date", "attrs": {"timestamp": "1763856000000"}},
                    {"type": "emoji", "attrs": {"shortName": ":fire:", "text": "🔥"}},
                    {"type": "hardBreak"},
                    {"type": "inlineCard", "attrs": {"url": "https://x.example/a"}},
                    {
                        "type": "text",
                        "text": "here",
                        "marks": [{"type": "link", "attrs": {"href": "https://y.example"}}],
                    },
                ],
            },
            {"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph("careful")]},
            {
                "type": "mediaSingle",
                "attrs": {"layout": "center"},
                "content": [{"type": "media", "attrs": {"id": "1"}}],
            },
            {"type": "expand", "attrs": {"title": "more"}, "content": [paragraph("inside")]},
            {
                "type": "taskList",
                "attrs": {"localId": "1"},
                "content": [{"type": "taskItem", "content": [{"type": "text", "text": "do it"}]}],
            },
            {"type": "somethingNew", "content": [paragraph("later")]},
        ],
    }
    assert from_adf(document, faithful=False).split("\n\n") == [
        "## error_code *5*",
        "ask @Ann by 2025-11-23🔥\n<https://x.example/a>[here](https://y.example)",
        "> careful",
        "inside",
        "- do it",
        "later",
    ]


def paragraph(text: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": text}]}


@pytest.mark.parametrize(
    "odd", [None, 1, [], {}, {"type": "doc"}, {"type": "doc", "content": "x"}, {"content": [None, 1, {"type": 1}]}]
)
def test_an_odd_document_is_read_without_a_murmur(odd: Any) -> None:
    assert from_adf(odd) == ""


KINDS = st.sampled_from(["text", "paragraph", "table", "heading", "date", "bulletList", "inlineCard", "codeBlock"])
PLAIN = st.none() | st.integers() | st.text(max_size=5)


def node(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Something like a node of a document, of which anything may be wrong."""
    attrs = inner | st.dictionaries(st.sampled_from(["level", "url", "order", "timestamp", "text"]), inner, max_size=2)
    content = inner | st.lists(inner, max_size=3)
    parts = {"type": KINDS | inner, "content": content, "attrs": attrs, "marks": content, "text": inner}
    return st.fixed_dictionaries({}, optional=parts)


JSON = st.recursive(PLAIN, node, max_leaves=20)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_no_document_makes_the_reader_raise(document: Any) -> None:
    assert isinstance(from_adf(document), str)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab *_-{}[]|!\\#h1.q:cod~^+\n&;x", max_size=80))
def test_no_wiki_text_makes_the_reader_raise(text: str) -> None:
    assert isinstance(from_wiki(text), str)
    assert isinstance(from_wiki(text, faithful=False), str)


def test_a_wiki_description_reads_as_markdown() -> None:
    wiki = (
        "h2. Impact\nIt is *down* and _bad_ at [http://x.example] or [here|http://x.example|smart-link]\n"
        "* a\n** b\n# c\n{code:java}\nint x;\n{code}\n{quote}\nsaid\n{quote}\nerror_code 3*4*5 {color:red}red{color}\n"
        "||a||b||\n|1|2|\nbq. quoted\n----\n{noformat}raw *text*{noformat}"
    )
    assert from_wiki(wiki, faithful=False).split("\n") == [
        "## Impact",
        "It is **down** and *bad* at http://x.example or [here](http://x.example)",
        "- a",
        "  - b",
        "1. c",
        "```java",
        "int x;",
        "```",
        "> said",
        "error_code 3*4*5 red",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "> quoted",
        "---",
        "```",
        "raw *text*",
        "```",
    ]
