"""From the text of a condition to Python's syntax tree, with mistakes told in the administrator's words.

Only `ast.parse` reads the text; nothing is ever evaluated. A scan before it finds what comes from other languages
(`=`, `AND`, `&&`, curly quotes, the backspace of "\\b"), where Python's own message would point elsewhere or be silent.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 10_000
DEEPEST = 30

_TOKEN = re.compile(
    r"""(?P<string>(?:\b[rR])?(?:"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))
    |(?P<comment>\#[^\n\r]*)
    |(?P<space>\s+)
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<operator>&&|\|\||===?|!==?|<>|[<>]=|=[<>]|.)""",
    re.VERBOSE | re.DOTALL,
)
_FOREIGN = {
    "=": "write == to compare",
    "===": "write == to compare",
    "!==": "write !=",
    "<>": "write !=",
    "=<": "write <=",
    "=>": "write >=",
    "&&": "write and",
    "&": "write and",
    "||": "write or",
    "|": "write or",
    "!": "write not",
    ";": "join two conditions with and",
    **dict.fromkeys("“”„‟«»‘’‚‛", 'use straight quotes: "high"'),
}
_ODD = re.compile(r"[^\x20-\x7e\t\n\r]|\\b")
_BETWEEN = frozenset({"space", "comment"})
_BRACKETS = frozenset("()[]{}")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_OPERANDS = frozenset({"string", "number", "name", *_CLOSING})
_SHOUTED = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in"}
_BACKSPACE = """for a word boundary write 'matches(text, r"\\bdown\\b")', with ' around the condition"""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong in a text: where (characters from its start), how long, what, and what to do about it."""

    offset: int
    length: int
    message: str
    hint: str = ""


class Mistakes(ValueError):
    """Everything that is wrong with a condition, in the order of the text."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = tuple(sorted(dict.fromkeys(mistakes)))
        super().__init__("; ".join(one.message for one in self.mistakes))


@dataclass(frozen=True, slots=True)
class Spans:
    """Finds a node of the tree in the text again; the tree counts lines and UTF-8 bytes, people count characters."""

    text: str
    starts: tuple[int, ...]

    def of(self, node: ast.expr) -> tuple[int, int]:
        """Offset and length of a node, in characters."""
        start = self._at(node.lineno, node.col_offset)
        return start, self._at(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset) - start

    def source(self, *nodes: ast.expr) -> str:
        """The text from the first of these nodes to the last, on one line."""
        begin, (last, length) = self.of(nodes[0])[0], self.of(nodes[-1])
        return " ".join(self.text[begin : last + length].split())

    def _at(self, line: int, column: int) -> int:
        # The text is parsed within parentheses, so that it may run over lines: the first line is one to the right.
        if line > len(self.starts):
            return len(self.text)
        column = max(0, column - (line == 1))
        begin = self.starts[line - 1]
        if self.text.isascii():
            return min(begin + column, len(self.text))
        return min(begin + len(self.text[begin:].encode()[:column].decode("utf-8", "ignore")), len(self.text))


def parse(text: str) -> tuple[ast.expr, Spans]:
    """The tree of a condition. Mistakes: everything that the scan found, or else the one place where reading ended."""
    if len(text) > LONGEST:
        raise Mistakes((Mistake(LONGEST, 1, f"a condition has at most {LONGEST:,} characters", "split the rule"),))
    wrong = tuple(_scan(text))
    if wrong:
        raise Mistakes(wrong)
    starts = (0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" is read as it stands, which is what was meant
            tree = ast.parse(f"({text}\n)", mode="eval")
    except (RecursionError, MemoryError):
        raise Mistakes((_too_deep(0),)) from None
    except SyntaxError as error:
        raise Mistakes((_syntax(text, starts, error),)) from None
    return tree.body, Spans(text, starts)


def _scan(text: str) -> Iterator[Mistake]:
    open_: list[tuple[str, int]] = []
    before, end = "", -1
    odd = _ODD.search(text) is not None
    for found in _TOKEN.finditer(text):
        kind, said, at = found.lastgroup or "", found[0], found.start()
        if odd:
            yield from _within(kind, said, at)
        if kind in _BETWEEN:
            continue
        if kind == "operator":
            wrong = tuple(_bracket(said, at, open_)) if said in _BRACKETS else tuple(_foreign(said, at))
            yield from wrong
            if wrong and said in _BRACKETS:
                return
        elif keyword.iskeyword(said) or said in _SHOUTED:
            yield from _shouted(said, at)
            kind = "keyword"
        elif before in _OPERANDS:
            yield _apart(before, kind, found, end)
        before, end = said if said in _CLOSING else kind, found.end()
    for bracket, at in open_[:1]:
        yield Mistake(at, 1, f"this {bracket} is not closed")
    if end < 0:
        yield Mistake(0, max(1, len(text)), "this condition is empty", "without a condition leave `when` out")


def _shouted(said: str, at: int) -> Iterator[Mistake]:
    if said in _SHOUTED:
        yield Mistake(at, len(said), f"{said} is written in small letters", f"write {_SHOUTED[said]}")


def _foreign(said: str, at: int) -> Iterator[Mistake]:
    if said in _FOREIGN:
        yield Mistake(at, len(said), f"{said} means nothing in a condition", _FOREIGN[said])
    elif said in {'"', "'"}:
        yield Mistake(at, 1, "this quote is not closed", "close it on the same line")


def _bracket(said: str, at: int, open_: list[tuple[str, int]]) -> Iterator[Mistake]:
    """Keeps count of brackets. A text that closes one too many could close those that it is parsed within."""
    if said in _CLOSING.values():
        open_.append((said, at))
        if len(open_) > DEEPEST:
            yield _too_deep(at)
    elif said in _CLOSING and (not open_ or open_.pop()[0] != _CLOSING[said]):
        yield Mistake(at, 1, f"this {said} closes nothing")


def _apart(before: str, kind: str, found: re.Match[str], end: int) -> Mistake:
    """Two operands with nothing between them."""
    said, at = found[0], found.start()
    if before == kind == "string":
        return Mistake(at, len(said), "two texts stand side by side", "put a comma between them")
    if before == "name" and kind == "string" and at == end:
        return Mistake(at, len(said), "a text begins with its quotes", "only r may stand before them")
    return Mistake(at, len(said), "something is missing before this", "write and, or, a comma or an operator")


def _within(kind: str, said: str, at: int) -> Iterator[Mistake]:
    if said.isprintable() and "\\" not in said:
        return  # nearly always, and then there is no letter to look at
    if kind == "string" and said[0] not in "rR":
        for escape in re.finditer(r"\\(.)", said, re.DOTALL):
            if escape[1] == "b":
                yield Mistake(at + escape.start(), 2, "\\b is a backspace here", _BACKSPACE)
    for index, letter in enumerate(said):
        if letter == "\b":
            yield Mistake(at + index, 1, 'this is a backspace, which is what "\\b" means in TOML', _BACKSPACE)
        elif unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\t\n\r":
            yield Mistake(at + index, 1, f"an invisible character, U+{ord(letter):04X}", "delete it")
        elif kind in {"space", "operator"} and letter not in "\t\n\r " and not letter.isprintable():
            yield Mistake(at + index, 1, f"an invisible character, U+{ord(letter):04X}", "delete it, or write a space")


def _too_deep(at: int) -> Mistake:
    return Mistake(at, 1, "this is nested too deeply", "split it into two rules")


def _syntax(text: str, starts: tuple[int, ...], error: SyntaxError) -> Mistake:
    line, column = error.lineno or 1, (error.offset or 1) - 1
    at = starts[min(line, len(starts)) - 1] + column - (1 if line == 1 else 0)
    end = len(text.rstrip())
    if line > len(starts) or at >= end:
        return Mistake(max(0, end - 1), 1, "the condition ends too early", "something is missing after this")
    said = error.msg
    return Mistake(max(0, at), 1, "this cannot be read from here on", "" if "invalid syntax" in said else said)
