"""Reads a rule file so that every key and value knows where it stands.

The values are the standard library's (`tomllib`), which says what is TOML; the positions are tree-sitter's, which
says where. Neither does both. A position of a mistake inside a string (a condition, a text) is mapped back through
the string's escapes to the column in the file. Columns count characters; tree-sitter counts bytes.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from connectors.problems import Problem, Where

if TYPE_CHECKING:
    import tree_sitter


class Document:
    """One rule file: its name as people know it, and its text with plain line ends."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self.data = self.text.encode()
        self._known: dict[int, _Line] = {}

    def where(self, start: int, end: int) -> Where:
        """The place of these bytes; what runs over the end of its line is underlined as far as there."""
        row = bisect_right(self._lines, start) - 1
        line, begin = self._line(row), self._lines[row]
        column = line.characters(start - begin)
        length = line.characters(min(end - begin, line.size)) - column
        return Where(self.name, row + 1, column + 1, max(1, length), line.text)

    def at(self, line: int, column: int) -> Where:
        """The place of a line and column, both counted from 1 in characters."""
        lines = self.text.split("\n")
        return Where(self.name, line, column, 1, lines[line - 1])

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(b"\n", self.data))]

    def _line(self, row: int) -> _Line:
        if row not in self._known:
            end = self._lines[row + 1] - 1 if row + 1 < len(self._lines) else len(self.data)
            self._known[row] = _Line(self.data[self._lines[row] : end])
        return self._known[row]


class _Line:
    """One line, read once however many values stand on it: a whole table may."""

    def __init__(self, data: bytes) -> None:
        self.text, self.size = data.decode(), len(data)
        plain = len(self.text) == self.size
        self._starts = None if plain else [at for at, byte in enumerate(data) if byte & 0xC0 != 0x80]

    def characters(self, count: int) -> int:
        """How many characters its first so many bytes are."""
        return count if self._starts is None else bisect_left(self._starts, count)


class Node:
    """A value of a rule file with its place.

    `value` is a dict of nodes, a list of nodes, or what tomllib makes of the text. `start` and `end` are the bytes of
    the value, `key_start` and `key_end` those of its key. A table's own place is its header.
    """

    __slots__ = ("document", "end", "key_end", "key_start", "start", "value")

    def __init__(self, value: Any, document: Document) -> None:
        self.document = document
        self.start = self.end = self.key_start = self.key_end = -1
        if isinstance(value, dict):
            value = {key: Node(item, document) for key, item in value.items()}
        elif isinstance(value, list):
            value = [Node(item, document) for item in value]
        self.value: Any = value

    @property
    def where(self) -> Where:
        """Where the value stands."""
        return self.document.where(self.start, self.end) if self.start >= 0 else Where(self.document.name)

    @property
    def said(self) -> Where:
        """Where the words of a text stand, without its quotes; of anything else, where the value stands."""
        return self.inside(0, len(self.value)) if isinstance(self.value, str) and self.value else self.where

    @property
    def key(self) -> Where:
        """Where the key stands, or the value where it has none."""
        return self.document.where(self.key_start, self.key_end) if self.key_start >= 0 else self.where

    def inside(self, offset: int, length: int) -> Where:
        """Where `length` characters of this string stand, from `offset`, both counted in the string's own value."""
        if self.start < 0:
            return self.where
        raw = self.document.data[self.start : self.end].decode()
        if raw[0] not in "\"'":  # a key without quotes
            return self.document.where(self.start, self.end)
        places = _places(raw)
        last = len(places) - 1
        first, stop = places[min(offset, last)], places[min(offset + max(1, length), last)]
        return self.document.where(self.start + len(raw[:first].encode()), self.start + len(raw[:stop].encode()))


_PIECE = re.compile(r'\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|(?P<joined>\\[ \t]*\n[ \t\n]*)|\\.|.', re.DOTALL)  # fmt: skip


def _places(raw: str) -> list[int]:
    """For each character of a TOML string's value where it stands in the string as written; then where it ends."""
    quote = raw[:3] if raw[:3] in {'"""', "'''"} else raw[0]
    begin, end = len(quote), len(raw) - len(quote)
    if len(quote) == 3 and raw.startswith("\n", 3):
        begin += 1
    if quote[0] == "'":
        return list(range(begin, end + 1))
    pieces = [piece.start() for piece in _PIECE.finditer(raw, begin, end) if piece["joined"] is None]
    return [*pieces, end]


def read(name: str, text: str) -> Node:
    """The whole file as a table. Raises `Mistaken` where it is not TOML."""
    document = Document(name, text)
    try:
        root = Node(tomllib.loads(document.text), document)
        root.start = root.end = 0
        _Placing().file(_parser().parse(document.data).root_node, root)
    except tomllib.TOMLDecodeError as error:
        raise Mistaken(_syntax(document, str(error))) from None
    except RecursionError:
        raise Mistaken(_too_deep(document)) from None
    return root


def _too_deep(document: Document) -> Problem:
    """The line with most brackets is the one to look at."""
    lines = document.text.split("\n")
    line = max(range(len(lines)), key=lambda number: lines[number].count("[") + lines[number].count("{"))
    return Problem(document.at(line + 1, 1), "not TOML that can be read: nested too deeply")


def decode(name: str, data: bytes) -> str:
    """The text of a file. Raises `Mistaken` with the line where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        source = data.decode("utf-8-sig", "replace").split("\n")[line - 1]
        where = Where(name, line, column, 1, source)
        raise Mistaken(Problem(where, "this is not UTF-8", hint="save the file as UTF-8")) from None


class Mistaken(Exception):
    """A file that cannot be read at all, for this one reason."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TUPLE, _WORD = re.compile(r"\([^)]*\)"), re.compile(r"'([^']*)'")  # how tomllib writes a table's name
_HINTS = (
    ("overwrite", "is the same key there twice?"),
    ("twice", "is the same table there twice?"),
    ("Expected '='", "a line is `key = value`, a table `[name]`"),
    ("Invalid value", 'words stand in quotes: "like this"'),
    ("Unescaped '\\'", "in \"…\" a backslash is written \\\\; in '…' it stands for itself"),
    ("Illegal character '\\n'", "is a quote missing? A text over several lines stands in three quotes"),
    ("Unterminated", "is a quote missing?"),
    ("Unclosed array", "is a ] or a comma missing?"),
    ("Unclosed inline", "is a } or a comma missing?"),
)


def _syntax(document: Document, said: str) -> Problem:
    found = _AT.search(said)
    message = _TUPLE.sub(lambda table: f"[{'.'.join(_WORD.findall(table[0]))}]", _AT.sub("", said))
    hint = next((hint for part, hint in _HINTS if part in message), "")
    if not (found and found[1]):
        lines = document.text.rstrip("\n").split("\n")
        where, hint = document.at(len(lines), max(1, len(lines[-1]))), "the file ends here: is a ] or a quote missing?"
    else:
        where = document.at(int(found[1]), int(found[2]))
    if "overwrite" in message:  # tomllib points behind the value
        line = where.source
        where = replace(where, column=len(line) - len(line.lstrip()) + 1, length=len(line.strip()))
    elif message.startswith("Unescaped"):  # and here behind the letter
        where = replace(where, column=where.column - 2, length=2)
    return Problem(where, f"not TOML: {message[0].lower()}{message[1:]}", hint=hint)


@cache
def _parser() -> tree_sitter.Parser:
    import tree_sitter
    import tree_sitter_toml

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))


class _Placing:
    """Walks the syntax tree beside the values and gives each its place.

    Where the tree cannot be followed (tree-sitter's grammar is older than tomllib's), a value has no place.
    """

    def __init__(self) -> None:
        self._opened: dict[int, int] = {}  # by the identity of an array of tables: how many of its tables have begun

    def file(self, tree: tree_sitter.Node, root: Node) -> None:
        for child in tree.named_children:
            with suppress(LookupError, TypeError):
                if child.type == "pair":
                    self._pair(child, root)
                elif child.type in {"table", "table_array_element"}:
                    self._table(child, root)

    def _table(self, tree: tree_sitter.Node, root: Node) -> None:
        header, *pairs = tree.named_children
        node, close = self._follow(header, root), 1
        if tree.type == "table_array_element":
            index, close = self._opened.get(id(node), 0), 2
            self._opened[id(node)] = index + 1
            node = node.value[index]
        node.start, node.end = tree.start_byte, header.end_byte + close
        for pair in pairs:
            if pair.type == "pair":
                self._pair(pair, node)

    def _pair(self, tree: tree_sitter.Node, table: Node) -> None:
        key, value, *_ = tree.named_children  # a comment may follow
        self._value(value, self._follow(key, table))

    def _value(self, tree: tree_sitter.Node, node: Node) -> None:
        node.start, node.end = tree.start_byte, tree.end_byte
        if tree.type == "array":
            items = [child for child in tree.named_children if child.type != "comment"]
            for child, item in zip(items, node.value, strict=False):
                self._value(child, item)
        elif tree.type == "inline_table":
            for child in tree.named_children:
                self._pair(child, node)

    def _follow(self, key: tree_sitter.Node, node: Node) -> Node:
        """The node under a key, each part of which stands there. Raises LookupError or TypeError."""
        for name, start, end in _keys(key):
            if isinstance(node.value, list):
                node = node.value[self._opened[id(node)] - 1]
            node = node.value[name]
            if node.key_start < 0:
                node.key_start, node.key_end = node.start, node.end = start, end
        return node


def _keys(tree: tree_sitter.Node) -> Iterator[tuple[str, int, int]]:
    """The parts of a key, each with its bytes."""
    if tree.type == "dotted_key":
        for child in tree.named_children:
            yield from _keys(child)
        return
    text = (tree.text or b"").decode()
    name = tomllib.loads(f"key = {text}")["key"] if tree.type == "quoted_key" else text
    yield name, tree.start_byte, tree.end_byte
