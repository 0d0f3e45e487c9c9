"""Reads the tree of a condition into tests, telling every mistake that the names and types of a rule set can tell."""

from __future__ import annotations

import ast
from functools import partial

from connectors.problems import nearest
from rules.comparison import Compared, Term, compare, contained, listed
from rules.grammar import DEEPEST, Mistake, Spans
from rules.logic import UNKNOWN, Facts, Joint, Part, Test, Truth, all_of, any_of, negated
from rules.patterns import Match, Mention, Pattern
from rules.vocabulary import Type, Vocabulary

_ASIDE: dict[type[ast.expr], str] = {
    ast.IfExp: "if … else",
    ast.Lambda: "lambda",
    ast.Subscript: "[…] after a name",
    ast.JoinedStr: 'f"…"',
    ast.Dict: "{…}",
    ast.Set: "{…}",
    ast.ListComp: "for",
    ast.GeneratorExp: "for",
    ast.SetComp: "for",
    ast.DictComp: "for",
    ast.NamedExpr: ":=",
    ast.Starred: "*",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.List: "a list",
    ast.Tuple: "a comma",
    ast.BinOp: "arithmetic",
    ast.UnaryOp: "arithmetic",
}
_FUNCTIONS = ("mentions", "matches", "during")
_LITERALS = frozenset({"true", "false", "none", "null"})


class Compiler:
    """Walks the tree once; a wrong part is told and stands for nothing, so that the rest is read as well.

    `mistakes` are those told so far, `words` those used (with attributes, in order).
    """

    def __init__(self, vocabulary: Vocabulary, spans: Spans) -> None:
        self.vocabulary, self.spans = vocabulary, spans
        self.mistakes: list[Mistake] = []
        self.words: dict[str, None] = {}

    def wrong(self, node: ast.expr, message: str, hint: str = "") -> None:
        """Tell a mistake."""
        offset, length = self.spans.of(node)
        self.mistakes.append(Mistake(offset, max(1, length), message, hint))

    # -- what is true or false

    def truth(self, node: ast.expr, depth: int) -> Part:
        """One part of the condition that is true, false or unknown."""
        if depth > DEEPEST:
            self.wrong(node, "this is nested too deeply", "split it into two rules")
            return self._nothing(node)
        if isinstance(node, ast.BoolOp):
            return self._joined(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(node.operand, depth + 1)
            return Part(self.spans.source(node), negated(inner.test), "not", parts=(inner,))
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, ast.Constant):
            self.wrong(node, f"{self.spans.source(node)} asks nothing of the ticket", self._meant(node))
            return self._nothing(node)
        term = self.term(node)
        return self._nothing(node) if term is None else self._set(node, term)

    def _nothing(self, node: ast.expr) -> Part:
        return Part(self.spans.source(node), lambda _: None)

    def _meant(self, node: ast.Constant) -> str:
        if isinstance(node.value, str):
            return "compare a field with it, or look for it with mentions(text, …)"
        return "without a condition leave `when` out" if node.value is True else ""

    def _joined(self, node: ast.BoolOp, depth: int) -> Part:
        joint: Joint = "and" if isinstance(node.op, ast.And) else "or"
        parts = [self.truth(one, depth + 1) for one in node.values]
        flat = [one for part in parts for one in (part.parts if part.joint == joint else (part,))]
        tests = tuple(part.test for part in flat)
        test = all_of(tests) if joint == "and" else any_of(tests)
        return Part(self.spans.source(node), test, joint, parts=tuple(flat))

    def _set(self, node: ast.expr, term: Term) -> Part:
        test: Test = partial(_is_set, term.word)
        return Part(self.spans.source(node), test, words=(term.word,))

    def _compared(self, node: ast.Compare) -> Part:
        parts: list[Part] = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._pair(left, operator, right))
            left = right
        if len(parts) == 1:
            return parts[0]
        return Part(self.spans.source(node), all_of(tuple(part.test for part in parts)), "and", parts=tuple(parts))

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Part:
        if isinstance(operator, (ast.Is, ast.IsNot)):
            self.wrong(left, "`is` means nothing in a condition", "write ==, or `not` and the field for an empty one")
            return self._nothing(left)
        if isinstance(operator, (ast.In, ast.NotIn)):
            found = self._membership(left, right)
        else:
            first, second = self.term(left), self.term(right)
            found = None if first is None or second is None else compare(first, operator, second, self.wrong)
        if found is None:
            return self._nothing(left)
        test = negated(found.test) if isinstance(operator, (ast.NotIn, ast.NotEq)) else found.test
        equality = None if isinstance(operator, (ast.NotIn, ast.NotEq)) else found.equality
        return Part(self.spans.source(left, right), test, words=found.words, equality=equality)

    def _membership(self, left: ast.expr, right: ast.expr) -> Compared | None:
        first = self.term(left)
        if isinstance(right, (ast.List, ast.Tuple, ast.Set)):
            if not right.elts:
                self.wrong(right, "this list is empty")
            among = [self.term(one) for one in right.elts]
            entries = [one for one in among if one is not None]
            if first is None or len(entries) != len(among):
                return None
            return contained(first, entries, self.wrong)
        if (name := _list_name(right)) is not None:
            if name not in self.vocabulary.lists:
                if name:
                    hint = nearest(name, self.vocabulary.lists) or "lists are given in [lists]"
                    self.wrong(right, f"no list {name}", hint)
                else:
                    self.wrong(right, "this list has no name", "write lists.vip")
                return None
            return None if first is None else listed(first, name, self.vocabulary.lists[name], self.wrong)
        second = self.term(right)
        return None if first is None or second is None else contained(first, second, self.wrong)

    # -- functions

    def _called(self, node: ast.Call) -> Part:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS:
            self._no_function(node, name)
            return self._nothing(node)
        if node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
            self.wrong(node, f"{name} takes plain values only")
            return self._nothing(node)
        if name == "mentions":
            return self._searched(node, Mention if len(node.args) > 1 else None, 'mentions(text, "down", "outage")')
        if name == "matches":
            one = (lambda word, texts: Match(word, texts[0])) if len(node.args) == 2 else None
            return self._searched(node, one, 'matches(text, "error [0-9]+")')
        return self._during(node)

    def _no_function(self, node: ast.Call, name: str) -> None:
        if isinstance(node.func, ast.Attribute):
            self.wrong(node, f"no function {node.func.attr}", "mentions and matches never regard case")
            return
        hint = nearest(name, _FUNCTIONS) or "there is mentions, matches, during"
        if name in self.vocabulary.words:
            hint = f"{name} is a field; write it without parentheses"
        self.wrong(node.func, f"no function {name or self.spans.source(node.func)}", hint)

    def _searched(self, node: ast.Call, make: object, example: str) -> Part:
        if not callable(make):
            name = node.func.id  # type: ignore[attr-defined]  # only calls of a name come here
            self.wrong(node, f"{name} needs a field and what to look for", f"write {example}")
            return self._nothing(node)
        place = self.term(node.args[0])
        texts = [self._text(one) for one in node.args[1:]]
        if place is not None and (not place.word or place.type.kind != "text"):
            self.wrong(node.args[0], "only a field that holds text can be searched", f"write {example}")
            place = None
        if place is None or None in texts:
            return self._nothing(node)
        try:
            pattern: Pattern = make(place.word, texts)
        except ValueError as error:
            self.wrong(node.args[1], str(error), _pattern_hint(str(error)))
            return self._nothing(node)
        return Part(self.spans.source(node), lambda facts: facts.found(pattern), words=(place.word,), pattern=pattern)

    def _during(self, node: ast.Call) -> Part:
        if len(node.args) != 2:
            self.wrong(node, "during needs a moment and a calendar", 'write during(created, "office")')
            return self._nothing(node)
        moment, calendar = self.term(node.args[0]), self._text(node.args[1])
        if moment is not None and (not moment.word or moment.type.kind != "moment"):
            self.wrong(node.args[0], "only a moment is during a calendar", 'write during(created, "office")')
            moment = None
        if calendar is not None and calendar not in self.vocabulary.calendars:
            hint = nearest(calendar, self.vocabulary.calendars) or "calendars are given in [calendars]"
            self.wrong(node.args[1], f"no calendar {calendar or '(empty)'}", hint)
            calendar = None
        if moment is None or calendar is None:
            return self._nothing(node)
        return Part(self.spans.source(node), partial(_is_during, moment.word, calendar), words=(moment.word,))

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        self.wrong(node, "a text in quotes is wanted here")
        return None

    # -- words and literals

    def term(self, node: ast.expr) -> Term | None:
        """A word of the ticket or a literal; None where it is neither, which is told."""
        if isinstance(node, ast.Constant):
            return self._literal(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(node.operand):
            return Term(node, Type("number"), value=-node.operand.value)  # type: ignore[attr-defined]  # a number
        if isinstance(node, ast.Name):
            return self._word(node, node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._attribute(node, node.value.id)
        self._aside(node)
        return None

    def _literal(self, node: ast.Constant) -> Term | None:
        value = node.value
        if isinstance(value, bool):
            return Term(node, Type("flag"), value=value)
        if isinstance(value, str):
            return Term(node, Type("text"), value=value)
        if isinstance(value, (int, float)):
            return Term(node, Type("number"), value=value)
        if value is None:
            self.wrong(
                node, "None is not compared with", "write `not assignee` for an empty field, `assignee` for a set one"
            )
        else:
            self.wrong(node, f"{self.spans.source(node)} means nothing in a condition")
        return None

    def _word(self, node: ast.expr, name: str) -> Term | None:
        type_ = self.vocabulary.words.get(name)
        if type_ is not None:
            self.words[name] = None
            return Term(node, type_, name)
        self.wrong(node, *self._unknown(name))
        return None

    def _unknown(self, name: str) -> tuple[str, str]:
        if name == "now":
            return "there is no now in a condition", 'use after = "30m" in a step, or during(created, "office")'
        if name.lower() in _LITERALS:
            return f"{name} has no place here", "write the field alone, or `not` before it"
        if name == "lists":
            return "a list stands after `in`", "write reporter in lists.vip"
        if name in _FUNCTIONS:
            return f"{name} is a function", f"write {name}(…)"
        for option in (name, name.lower()):
            if sorts := self.vocabulary.sorts(option):
                return f"no field {name}", f'for the {sorts[0]} write "{option}" in quotes'
        if hint := nearest(name, self.vocabulary.words):
            return f"no field {name}", hint
        if name[:1].isupper():
            return f"no field {name}", f'for a text write "{name}" in quotes'
        return f"no field {name}", "our own fields are declared in [fields]"

    def _attribute(self, node: ast.Attribute, name: str) -> Term | None:
        owner = self.vocabulary.words.get(name)
        if owner is None or name == "lists":
            self.wrong(node.value, *self._unknown(name))
            return None
        self.words[name] = None
        type_ = owner.attributes.get(node.attr)
        if type_ is not None:
            return Term(node, type_, f"{name}.{node.attr}")
        hint = nearest(node.attr, owner.attributes)
        if not hint and owner.attributes:
            hint = f"there is {', '.join(owner.attributes)}"
        self.wrong(node, f"{name} has no {node.attr}", hint)
        return None

    def _aside(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS):
            self._no_function(node, node.func.id if isinstance(node.func, ast.Name) else "")
            return
        if isinstance(node, (ast.Call, ast.Compare, ast.BoolOp)) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        ):
            self.wrong(node, "this is true or false already and compares with nothing", "join conditions with and, or")
            return
        said = _ASIDE.get(type(node), self.spans.source(node))
        self.wrong(node, f"{said} has no place here", "a condition compares fields with values")


def _list_name(node: ast.expr) -> str | None:
    """The name in `lists.name`, empty where it is missing; None for anything else."""
    if isinstance(node, ast.Name) and node.id == "lists":
        return ""
    named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lists"
    return node.attr if named else None  # type: ignore[attr-defined]  # `named` says so


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in {int, float}


def _pattern_hint(error: str) -> str:
    if "perl operator" in error:
        return "RE2 cannot look ahead or behind"
    if "invalid escape sequence" in error:
        return "RE2 has no \\1 and no \\Z"
    return "the syntax is RE2's" if "cannot be read" in error else ""


def _is_set(word: str, facts: Facts) -> Truth:
    value = facts[word]
    return None if value is UNKNOWN else bool(value)


def _is_during(word: str, calendar: str, facts: Facts) -> Truth:
    moment = facts[word]
    if moment is UNKNOWN:
        return None
    return moment is not None and facts.during(moment, calendar)
