"""A message as an Adaptive Card: a title, rich text, buttons.

The text becomes `RichTextBlock`s, not `TextBlock`s. A `TextBlock` is read as Markdown, by a parser that differs
between Teams' clients and has no documented way to escape; the runs of a `RichTextBlock` are plain text whose styles
and links stand beside them, so what came from a ticket cannot be markup, a link or a mention. A mention would need an
entity in `msteams.entities` besides, and no card of ours has any.
https://adaptivecards.io/explorer/RichTextBlock.html

The classes of `microsoft-teams-cards` know the names of everything; version 1.5 is what Teams shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from markdown_it.tree import SyntaxTreeNode
from microsoft_teams.cards.core import (
    Action,
    AdaptiveCard,
    CardElement,
    ColumnDefinition,
    Container,
    ExecuteAction,
    OpenUrlAction,
    RichTextBlock,
    Table,
    TableCell,
    TableRow,
    TextRun,
)

from connectors.markup import lines, linked, plain, words
from connectors.model import Button, Message

Json: TypeAlias = dict[str, Any]

ADAPTIVE: Final = "application/vnd.microsoft.card.adaptive"
VERSION: Final = "1.5"
ROOM: Final = 28 * 1024
"""Bytes that a message may take (https://learn.microsoft.com/microsoftteams/limits-specifications-teams)."""
SPARE: Final = 1536
"""Bytes kept for what stands around a card: the activity, its summary, the word that something was cut."""
TITLE: Final = 300
LABEL: Final = 80
SUMMARY: Final = 200
SHOWN: Final = 6
"""Buttons that Teams shows in a row; the others go into its menu."""
CUT: Final = "… (cut here: Teams takes no longer message)"
MARKS: Final = ("⚪", "🟡", "🟠", "🔴")
LINKS: Final = ("http://", "https://", "mailto:")
_STYLES: Final[Mapping[str, Literal["default", "positive", "destructive"]]] = {
    "primary": "positive",
    "danger": "destructive",
}


def card(message: Message, actions: Sequence[Action] | None = None) -> Json:
    """The card of a message, cut to Teams' limit. `actions` stand instead of its buttons, where given."""
    buttons = [execute(button) for button in message.buttons] if actions is None else list(actions)
    head = _title(message)
    bare = dumped(AdaptiveCard(version=VERSION, body=head, actions=_in_row(buttons) or None))
    body = _fitting(_blocks(linked(message.text, message.about).children, ""), ROOM - SPARE - size(bare))
    made = dumped(AdaptiveCard(version=VERSION, body=[*head, *body], actions=_in_row(buttons) or None))
    return {**made, "fallbackText": summary(message)}


def execute(button: Button) -> ExecuteAction:
    """A button: a click comes back as its verb, on its ticket."""
    return ExecuteAction(
        title=short(button.label, LABEL),
        verb=button.verb,
        data={"verb": button.verb, "ref": button.ref},
        style=_STYLES.get(button.style),
    )


def link(title: str, url: str) -> OpenUrlAction:
    """A button that opens an address."""
    return OpenUrlAction(title=short(title, LABEL), url=url)


def activity(made: Json, said: str) -> Json:
    """The message that carries a card; `said` is its summary, for notifications."""
    return {
        "type": "message",
        "summary": said,
        "attachments": [{"contentType": ADAPTIVE, "content": made}],
    }


def summary(message: Message) -> str:
    """The message in one line of plain text, for notifications and for clients that show no cards."""
    text = " ".join(plain(part[: 10 * SUMMARY]) for part in (message.title, message.text) if part)
    return short(text, SUMMARY) or "…"


def without_buttons(made: Json) -> Json:
    """A card without its buttons."""
    return {name: value for name, value in made.items() if name != "actions"}


def short(text: str, limit: int) -> str:
    """Text in one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def dumped(made: AdaptiveCard) -> Json:
    """A card as Teams takes it."""
    told: Json = made.model_dump(by_alias=True, exclude_none=True)
    return told


def size(value: Any) -> int:
    """The bytes that something takes, written with spaces as a product may write it before it counts."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def _in_row(buttons: Sequence[Action]) -> list[Action]:
    for button in buttons[SHOWN:]:
        if isinstance(button, ExecuteAction | OpenUrlAction):
            button.mode = "secondary"
    return list(buttons)


def _title(message: Message) -> list[CardElement]:
    title = short(plain(message.title), TITLE)
    if not title:
        return []
    mark = "" if message.colour is None else f"{MARKS[min(int(message.colour * len(MARKS)), len(MARKS) - 1)]} "
    return [RichTextBlock(inlines=[TextRun(text=mark + title, size="Large", weight="Bolder")])]


# ---- Markdown to elements


@dataclass(frozen=True, slots=True)
class _Look:
    """How a run of text looks. `url` makes it a link."""

    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    url: str = ""

    def run(self, text: str) -> TextRun:
        """The text looking so."""
        return TextRun(
            text=text,
            weight="Bolder" if self.bold else None,
            italic=True if self.italic else None,
            strikethrough=True if self.strike else None,
            font_type="Monospace" if self.code else None,
            select_action=OpenUrlAction(url=self.url) if self.url else None,
        )


PLAIN: Final = _Look()


def _blocks(nodes: Sequence[SyntaxTreeNode], indent: str) -> Iterator[CardElement]:
    for node in nodes:
        if node.type in {"paragraph", "heading"}:
            yield from _paragraph(node, _Look(bold=node.type == "heading"), indent)
        elif node.type in {"bullet_list", "ordered_list"}:
            yield from _list(node, indent)
        elif node.type == "blockquote":
            if inside := list(_blocks(node.children, "")):
                yield Container(style="emphasis", items=inside)
        elif node.type in {"fence", "code_block"}:
            told = [_line([_Look(code=True).run(line or " ")], tight=bool(n)) for n, line in enumerate(_code(node))]
            yield Container(style="emphasis", items=told)
        elif node.type == "hr":
            yield _line([PLAIN.run("———")])
        elif node.type == "table":
            yield _table(node)


def _paragraph(node: SyntaxTreeNode, look: _Look, first: str, rest: str = "") -> Iterator[RichTextBlock]:
    """Each line is a block of its own: what a line break inside a run becomes is documented nowhere."""
    for number, runs in enumerate(_lines(_inline(node, look))):
        start = rest if number else first
        yield _line([*([PLAIN.run(start)] if start else []), *runs], tight=bool(number))


def _list(node: SyntaxTreeNode, indent: str) -> Iterator[CardElement]:
    begin = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, begin):
        mark = f"{number}. " if node.type == "ordered_list" else "• "
        start, within = indent + mark, indent + "\u2003"  # a space that is shown as wide as it is
        for child in item.children:
            if child.type in {"bullet_list", "ordered_list"}:
                yield from _list(child, within)
            elif child.type in {"paragraph", "heading"}:
                yield from _paragraph(child, PLAIN, start, within)
            else:
                yield from (_line([PLAIN.run(f"{within}{line}")], tight=True) for line in lines(child) if line.strip())
            start = within


def _table(node: SyntaxTreeNode) -> Table:
    rows = [
        TableRow(cells=[TableCell(items=[_line([run]) for run in _cell(cell)]) for cell in row.children])
        for part in node.children
        for row in part.children
    ]
    width = max(len(row.cells or ()) for row in rows)
    return Table(columns=[ColumnDefinition(width=1) for _ in range(width)], rows=rows)


def _cell(node: SyntaxTreeNode) -> list[TextRun]:
    return [PLAIN.run(words(node) or " ")]


def _code(node: SyntaxTreeNode) -> list[str]:
    return node.content.rstrip("\n").split("\n")


def _line(runs: Sequence[TextRun], *, tight: bool = False) -> RichTextBlock:
    return RichTextBlock(inlines=list(runs) or [PLAIN.run(" ")], spacing="None" if tight else None)


def _lines(runs: Iterable[TextRun | None]) -> Iterator[list[TextRun]]:
    """Runs as lines: None ends one. Lines without any text are left out."""
    line: list[TextRun] = []
    for run in runs:
        if run is not None and run.text:
            line.append(run)
        elif run is None and line:
            yield line
            line = []
    if line:
        yield line


def _inline(node: SyntaxTreeNode, look: _Look) -> Iterator[TextRun | None]:
    if node.type == "text":
        yield look.run(node.content)
    elif node.type in {"softbreak", "hardbreak"}:
        yield None
    elif node.type == "code_inline":
        yield replace(look, code=True).run(node.content)
    elif node.type in {"link", "image"}:
        url = str(node.attrs.get("href") or node.attrs.get("src") or "")
        yield replace(look, url=url if url.startswith(LINKS) else "").run(words(node).replace("\n", " ") or url)
    else:
        for child in node.children:
            yield from _inline(child, _styled(look, node.type))


def _styled(look: _Look, kind: str) -> _Look:
    changes: Mapping[str, _Look] = {
        "strong": replace(look, bold=True),
        "em": replace(look, italic=True),
        "s": replace(look, strike=True),
    }
    return changes.get(kind, look)


# ---- limits


def _fitting(made: Iterable[CardElement], room: int) -> list[CardElement]:
    """The first elements that fit; where any is left out or shortened, a last line says so."""
    kept: list[CardElement] = []
    left = room - 120  # for that line
    for element in made:
        needs = size(element.model_dump(by_alias=True, exclude_none=True)) + 2
        if needs > left:
            if isinstance(element, RichTextBlock):
                kept += _shortened(element, left)
            kept.append(_line([replace(PLAIN, italic=True).run(CUT)]))
            return kept
        kept.append(element)
        left -= needs
    return kept


def _shortened(element: RichTextBlock, room: int) -> list[CardElement]:
    """As much of a line as fits, without its styles; nothing where that is hardly a word."""
    text = "".join(run.text or "" for run in element.inlines or () if isinstance(run, TextRun))
    spare = room - 120
    while text and size(text) > spare:
        text = text[: max(0, min(len(text) * spare // max(1, size(text)), len(text) - 1))] if spare > 0 else ""
    return [_line([PLAIN.run(text)])] if len(text) > 20 else []
