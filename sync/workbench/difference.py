"""What a change of the rules would change: two plans of one ticket, line by line. Pure.

Lines are known by what they are about (the effect's key), not by where they stand or what they say. So a call that
comes later is one line that changed, not one gone and one added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from rules.explain import Explanation
from sync.items import Item, Plan


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plan before and after; at least one of them is there."""

    before: Item | None
    after: Item | None

    @property
    def sort(self) -> Literal["added", "gone", "changed", "same"]:
        """What became of it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "gone"
        return "same" if _said(self.before) == _said(self.after) else "changed"

    @property
    def retold(self) -> tuple[str, str] | None:
        """The texts before and after, where what would be said is another."""
        if self.before is None or self.after is None:
            return None
        texts = _text(self.before), _text(self.after)
        return texts if all(texts) and texts[0] != texts[1] else None


@dataclass(frozen=True, slots=True)
class Turned:
    """A rule that says something else of the ticket: its verdicts before and after, empty where there is no rule."""

    kind: str
    id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All lines of both plans, and the rules that turned."""

    lines: tuple[Line, ...]
    turned: tuple[Turned, ...] = ()

    def of(self, *sorts: str) -> tuple[Line, ...]:
        """The lines of which this became."""
        return tuple(line for line in self.lines if line.sort in sorts)

    def __bool__(self) -> bool:
        return any(line.sort != "same" for line in self.lines) or bool(self.turned)


def difference(before: Plan | None, after: Plan) -> tuple[Line, ...]:
    """The lines of two plans of one ticket at the same moment, in the order of the later one, then what is gone."""
    old, new = _by_key(before.items if before is not None else ()), _by_key(after.items)
    lines: list[Line] = []
    for key in dict.fromkeys((*new, *old)):
        lines.extend(_paired(old.get(key, ()), new.get(key, ())))
    return tuple(lines)


def turned(before: Iterable[Explanation], after: Iterable[Explanation]) -> tuple[Turned, ...]:
    """The rules whose verdict is another, and those that came or went."""
    old = {one.rule.id: one for one in before}
    new = {one.rule.id: one for one in after}
    found = []
    for id_ in dict.fromkeys((*new, *old)):
        was, is_ = old.get(id_), new.get(id_)
        said = was.said if was is not None else "", is_.said if is_ is not None else ""
        if said[0] != said[1]:
            kind = (is_ or was).rule.kind  # type: ignore[union-attr]  # one of them is there
            found.append(Turned(kind, id_, *said))
    return tuple(found)


def _by_key(items: Iterable[Item]) -> Mapping[str, Sequence[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(_about(item), []).append(item)
    return found


def _about(item: Item) -> str:
    """What a line is about: the same thing, watched or not; to take something back is another matter."""
    kind = "retire " if item.effect.sort == "retire" else ""
    return kind + item.effect.key.removeprefix("watch.")


def _paired(old: Sequence[Item], new: Sequence[Item]) -> Iterable[Line]:
    """The same lines belong together; what is left is paired in order (the steps of a ladder have one key)."""
    before, after = list(old), list(new)
    for item in new:
        twin = next((each for each in before if _said(each) == _said(item)), None)
        if twin is not None:
            before.remove(twin)
            after.remove(item)
            yield Line(twin, item)
    for was, is_ in zip_longest(before, after):
        yield Line(was, is_)


def _said(item: Item) -> tuple[object, ...]:
    effect = item.effect
    about = effect.what, effect.value, effect.rule, effect.external, effect.watched, effect.to
    return item.status, item.at, item.reason, *about, _text(item)


def _text(item: Item) -> str:
    return item.effect.thing.text if item.effect.thing is not None else ""
