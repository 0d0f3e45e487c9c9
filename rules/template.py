"""What a text may be made of: the part of Jinja2 that cannot grow, call or reach anything, checked when loaded.

Jinja2 itself tells a misspelt name or filter only when a text is rendered, which is when somebody should be called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connectors.problems import nearest
from rules.grammar import Mistake

DEEPEST = 30

_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SINGLE = re.compile(r"(?<![{%#\w$])\$?\{\s*(\w+)\s*\}(?!\})")
_LOOP = frozenset({"first", "last", "index"})
_ASIDE: Mapping[type[nodes.Node], tuple[str, str]] = {
    nodes.Call: ("a text calls nothing", "write the variable without parentheses"),
    nodes.Getitem: ("[…] has no place in a text", "write the variable alone"),
    nodes.Concat: ("~ has no place in a text", "write {{ one }} {{ other }}"),
    nodes.Test: ("`is` has no place in a text", "write {% if eta %} or {% if not eta %}"),
    nodes.BinExpr: ("arithmetic has no place in a text", "texts carry moments, never amounts of time left"),
    nodes.UnaryExpr: ("arithmetic has no place in a text", ""),
}


def _truncate(value: Any, size: object = 80) -> str:
    text, most = str(value), size if isinstance(size, int) and size > 0 else 80
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _join(value: Any, between: object = ", ") -> str:
    return str(between).join(map(str, _many(value)))


def _many(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) if value or value == 0 else ()


def _round(value: Any, places: object = 0) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    most = places if isinstance(places, int) else 0
    return round(value, max(0, min(most, 10)))


def _default(value: Any, other: object = "") -> Any:
    return value if value or value == 0 else other


FILTERS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "upper": (lambda value: str(value).upper(), 0),
    "lower": (lambda value: str(value).lower(), 0),
    "title": (lambda value: str(value).title(), 0),
    "capitalize": (lambda value: str(value).capitalize(), 0),
    "trim": (lambda value: str(value).strip(), 0),
    "truncate": (_truncate, 1),
    "default": (_default, 1),
    "join": (_join, 1),
    "first": (lambda value: (*_many(value), "")[0], 0),
    "last": (lambda value: ("", *_many(value))[-1], 0),
    "length": (lambda value: len(_many(value)), 0),
    "round": (_round, 1),
    "time": (lambda value: getattr(value, "time", value), 0),
    "date": (lambda value: getattr(value, "date", value), 0),
}
"""Every filter of a text, with how many arguments it takes. None of them raises, whatever the value."""


def environment(finalize: Callable[[Any], str]) -> ImmutableSandboxedEnvironment:
    """Jinja2 with our filters and nothing else: no globals, no tests, nothing undefined."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=finalize, trim_blocks=True, lstrip_blocks=True, cache_size=0
    )
    made.globals.clear()
    made.tests.clear()
    made.filters.clear()
    made.filters.update({name: function for name, (function, _) in FILTERS.items()})
    return made


_READER = environment(str)


class Check:
    """Reads one text: its `mistakes` and the `names` that it uses. `known` None: any name will do."""

    def __init__(self, source: str, known: Collection[str] | None) -> None:
        self.source, self.known = source, known
        self.mistakes: list[Mistake] = []
        self.names: set[str] = set()
        self._own: set[str] = set()
        tree = self._parse()
        self._braces()
        if tree is not None:
            for node in tree.body:
                self._read(node, 0)

    def _parse(self) -> nodes.Template | None:
        try:
            return _READER.parse(self.source)
        except TemplateSyntaxError as error:
            offset, length = self._line(error.lineno)
            self.mistakes.append(Mistake(offset, length, f"this text cannot be read: {_lower(error.message or '')}"))
        except RecursionError:
            self.mistakes.append(Mistake(0, 1, "this text is nested too deeply"))
        except ValueError as error:
            self.mistakes.append(Mistake(0, 1, f"this text cannot be read: {_lower(str(error))}"))
        return None

    # -- places

    def _line(self, number: int) -> tuple[int, int]:
        """The code on a line (counted from 1), or else the line."""
        starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", self.source))]
        start = starts[min(max(number, 1), len(starts)) - 1]
        code = _CODE.search(self.source, start) or re.compile(r"\{[{%#]").search(self.source, start)
        return (code.start(), code.end() - code.start()) if code else (start, 1)

    def _wrong(self, node: nodes.Node, message: str, hint: str = "", pattern: str = "") -> None:
        offset, length = self._line(node.lineno)
        told = {one.offset for one in self.mistakes}
        for code in _CODE.finditer(self.source) if pattern else ():
            places = ((code.start() + m.start(1), m.end(1) - m.start(1)) for m in re.finditer(pattern, code[0]))
            place = next((one for one in places if one[0] not in told), None)
            if place is not None:
                offset, length = place
                break
        self.mistakes.append(Mistake(offset, length, message, hint))

    def _braces(self) -> None:
        for found in _SINGLE.finditer(self.source):
            if self.known is not None and found[1] in self.known:
                hint = f"write {{{{ {found[1]} }}}}"
                self.mistakes.append(Mistake(found.start(), len(found[0]), "a variable has two braces", hint))
        opened = self.source.find("{#")
        if opened >= 0 and "#}" not in self.source[opened:] and not self.mistakes:
            self.mistakes.append(Mistake(opened, 2, "this remark is not closed", "close it with #}"))

    # -- nodes

    def _read(self, node: nodes.Node, depth: int) -> None:
        if depth > DEEPEST:
            self._wrong(node, "this text is nested too deeply")
            return
        read = _READERS.get(type(node))
        if read is not None:
            read(self, node, depth)
        elif not isinstance(node, (nodes.TemplateData, nodes.Const)):
            self._aside(node)

    def _children(self, node: nodes.Node, depth: int) -> None:
        for child in node.iter_child_nodes():
            self._read(child, depth + 1)

    def _name(self, node: nodes.Name, depth: int = 0) -> None:
        if node.name in self._own:
            return
        self.names.add(node.name)
        if self.known is not None and node.name not in self.known:
            hint = nearest(node.name, {one for one in self.known if "." not in one})
            self._wrong(node, f"no variable {node.name}", hint, rf"(?<![.\w|'\"])({re.escape(node.name)})\b")

    def _attribute(self, node: nodes.Getattr, depth: int) -> None:
        owner = node.node.name if isinstance(node.node, nodes.Name) else ""
        if owner == "loop" and owner in self._own and node.attr in _LOOP:
            return
        dotted = f"{owner}.{node.attr}"
        place = rf"\b({re.escape(owner)}\s*\.\s*{re.escape(node.attr)})\b"
        if not owner or owner in self._own:
            self._wrong(node, f"nothing here has a {node.attr}", "write the variable alone", place if owner else "")
            return
        self.names.add(owner)
        if self.known is None or dotted in self.known:
            return
        if owner not in {one.partition(".")[0] for one in self.known}:
            self._name(node.node, depth)  # type: ignore[arg-type]  # what has an owner is an attribute of a name
            return
        attributes = {one.partition(".")[2] for one in self.known if one.startswith(f"{owner}.")}
        self._wrong(node, f"{owner} has no {node.attr} here", nearest(node.attr, attributes), place)

    def _filter(self, node: nodes.Filter, depth: int) -> None:
        place = rf"\|\s*({re.escape(node.name)})\b"
        for inner in (one for one in (node.node, *node.args) if one is not None):
            self._read(inner, depth + 1)
        if node.name not in FILTERS:
            hint = nearest(node.name, FILTERS) or f"there is {', '.join(FILTERS)}"
            self._wrong(node, f"no filter {node.name}", hint, place)
            return
        most = FILTERS[node.name][1]
        plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs) and len(node.args) <= most
        if not plain or not all(isinstance(one, nodes.Const) for one in node.args):
            takes = "one plain value" if most else "nothing in parentheses"
            self._wrong(node, f"{node.name} takes {takes}", "", place)

    def _loop(self, node: nodes.For, depth: int) -> None:
        if self._own or node.recursive or not isinstance(node.target, nodes.Name) or node.test is not None:
            self._wrong(node, "only a plain loop will do here", "write {% for label in labels %}, not within another")
            return
        if not isinstance(node.iter, nodes.Name):
            self._wrong(node, "a loop goes over a variable", "write {% for label in labels %}")
            return
        self._read(node.iter, depth + 1)
        self._own = {node.target.name, "loop"}
        for child in (*node.body, *node.else_):
            self._read(child, depth + 1)
        self._own = set()

    def _compare(self, node: nodes.Compare, depth: int) -> None:
        if any(one.op not in {"eq", "ne", "in", "notin"} for one in node.ops):
            self._wrong(node, "a text does not ask what is greater", "write a rule of its own, with `when`")
        self._read(node.expr, depth + 1)
        for one in node.ops:
            self._read(one.expr, depth + 1)

    def _either(self, node: nodes.CondExpr, depth: int) -> None:
        if node.expr2 is None:
            self._wrong(node, "this `if` has no else", "write {{ eta if eta else 'soon' }}")
        self._children(node, depth)

    def _aside(self, node: nodes.Node) -> None:
        message, hint = next(
            (said for kind, said in _ASIDE.items() if isinstance(node, kind)),
            ("only {{ … }}, {% if %} and {% for %} have a place in a text", ""),
        )
        self._wrong(node, message, hint)


_READERS: Mapping[type[nodes.Node], Callable[[Check, Any, int], None]] = {
    nodes.Name: Check._name,
    nodes.Getattr: Check._attribute,
    nodes.Filter: Check._filter,
    nodes.For: Check._loop,
    nodes.Compare: Check._compare,
    nodes.CondExpr: Check._either,
    **dict.fromkeys((nodes.Output, nodes.If, nodes.And, nodes.Or, nodes.Not, nodes.List, nodes.Tuple), Check._children),
}


def _lower(said: str) -> str:
    said = said.strip().rstrip(".").replace("end of print statement", "}}").replace("end of statement block", "%}")
    return said[:1].lower() + said[1:]
