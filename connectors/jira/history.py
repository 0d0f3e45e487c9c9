"""Jira's history as changes of our words, oldest first.

A status tells two words (status and phase) and may tell two more (hold and its reason); a ticket's key tells its
project. Components come and go one by one, so
what they were is counted back from what they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.jira.fields import Fields, moment
from connectors.jira.people import People
from connectors.jira.phases import Phases
from connectors.jira.settings import JiraSettings
from connectors.model import Change, Value

_ONE_BY_ONE = ("components", "versions", "fixVersions")


@dataclass(slots=True)
class State:
    """What the words that follow from others hold, at the moment that has been reached."""

    status: str
    name: str
    labels: tuple[str, ...]
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)


class History:
    """Reads entries of the history of one site; asks only for fields and statuses that are not known yet."""

    def __init__(self, settings: JiraSettings, fields: Fields, phases: Phases, people: People) -> None:
        self.fields = fields
        self.phases = phases
        self.people = people
        self._hold = settings.hold
        self.holds = bool(settings.hold.statuses or settings.hold.labels) and "hold" not in fields.words

    def read(
        self, entries: Iterable[Mapping[str, Any]], now: Mapping[str, Any], *, all_fields: bool = False
    ) -> tuple[tuple[Change, ...], State]:
        """The changes of these entries, and what they led to; `now` are the ticket's fields as they are.

        Fields that no word is mapped to are left out, unless `all_fields`: then they come under Jira's own name.
        """
        ordered = sorted(entries, key=_age)
        items = [(entry, item, self._id(item)) for entry in ordered for item in entry.get("items") or ()]
        state = self._before([(item, id_) for _, item, id_ in items], now)
        changes: list[Change] = []
        for entry in ordered:
            at, by = moment(entry["created"]), self.people.read(entry.get("author"))
            held = self.held(state)
            told = [(item, id_) for of, item, id_ in items if of is entry]
            for item, id_ in told:
                for word, before, after in self._said(item, id_, state, all_fields=all_fields):
                    changes.append(Change(at, word, before, after, by, str(entry.get("id", ""))))
            for word, before, after in self._followed(state, held):
                changes.append(Change(at, word, before, after, by, str(entry.get("id", ""))))
        return tuple(changes), state

    def meet(self, entries: Collection[Mapping[str, Any]], now: Mapping[str, Any]) -> None:
        """Find out who Data Center's history means by a key: people of the ticket, else asked for. May raise."""
        for shown in (*now.values(), *(entry.get("author") for entry in entries)):
            self.people.read(shown)
        for entry in entries:
            for item in entry.get("items") or ():
                id_ = self._id(item)
                if id_ in self.fields.by_field and self.fields.kind(str(id_)) == "user":
                    for key in (item.get("from"), item.get("to")):
                        if key:
                            self.people.met(str(key))

    def held(self, state: State) -> tuple[bool, str | None]:
        """Whether a ticket in this state is on hold, and why."""
        label = next((label for label in state.labels if label in self._hold.labels), None)
        if state.status in self._hold.statuses:
            return True, state.name
        return label is not None, label

    # ---- one change

    def _id(self, item: Mapping[str, Any]) -> str | None:
        return item.get("fieldId") or self.fields.named(str(item.get("field", "")))

    def _said(
        self, item: Mapping[str, Any], id_: str | None, state: State, *, all_fields: bool
    ) -> Iterator[tuple[str, Value, Value]]:
        """The words that an item tells directly, and the state after it."""
        before, after = item.get("fromString"), item.get("toString")
        if id_ == "status":
            was, is_ = str(item.get("from")), str(item.get("to"))
            state.status, state.name = is_, str(after or "")
            yield "status", before, after
            if self.phases.of(was) != self.phases.of(is_):
                yield "phase", self.phases.of(was), self.phases.of(is_)
        elif id_ == "issuekey":
            yield "key", before, after
            yield "project", str(before).rpartition("-")[0], str(after).rpartition("-")[0]
        elif id_ == "project":
            return  # the key tells it, which changes with it
        elif id_ in self.fields.by_field:
            yield from self._words(item, id_, state)
        elif all_fields:
            yield str(id_ or item.get("field")), before, after

    def _words(self, item: Mapping[str, Any], id_: str, state: State) -> Iterator[tuple[str, Value, Value]]:
        """The words that are mapped to a field."""
        before, after = item.get("fromString"), item.get("toString")
        if id_ == "labels":
            state.labels = tuple(str(after or "").split())
        held = state.lists.get(id_, ())
        if id_ in _ONE_BY_ONE:
            state.lists[id_] = (*(part for part in held if part != before), *((after,) if after else ()))
        for word in self.fields.by_field[id_]:
            if id_ in _ONE_BY_ONE:
                was, is_ = _named(held), _named(state.lists[id_])
                yield word, self.fields.read(word, was)[1], self.fields.read(word, is_)[1]
            else:
                yield word, self._told(word, item, "from"), self._told(word, item, "to")

    def _told(self, word: str, item: Mapping[str, Any], end: str) -> Value:
        value = self.fields.told(word, item.get(end), item.get(f"{end}String"))
        return () if word == "labels" and value is None else value

    def _followed(self, state: State, held: tuple[bool, str | None]) -> Iterator[tuple[str, Value, Value]]:
        """The words that follow from others."""
        if self.holds and held != self.held(state):
            (was, why), (is_, reason) = held, self.held(state)
            if was != is_:
                yield "hold", was, is_
            if why != reason and "hold_reason" not in self.fields.words:
                yield "hold_reason", why, reason

    # ---- where it began

    def _before(self, items: list[tuple[Mapping[str, Any], str | None]], now: Mapping[str, Any]) -> State:
        """The state before these items, counted back from now."""
        status = now.get("status") or {}
        state = State(str(status.get("id", "")), str(status.get("name", "")), tuple(now.get("labels") or ()))
        state.lists = {id_: tuple(str(part.get("name")) for part in now.get(id_) or ()) for id_ in _ONE_BY_ONE}
        for item, id_ in reversed(items):
            before, after = item.get("fromString"), item.get("toString")
            if id_ == "status":
                state.status, state.name = str(item.get("from")), str(before or "")
            elif id_ == "labels":
                state.labels = tuple(str(before or "").split())
            elif id_ in _ONE_BY_ONE:
                held = state.lists[str(id_)]
                state.lists[str(id_)] = (*(p for p in held if p != after), *((before,) if before else ()))
        return state


def _age(entry: Mapping[str, Any]) -> tuple[datetime, int]:
    id_ = str(entry.get("id", ""))
    return moment(entry["created"]), int(id_) if id_.isdigit() else 0


def _named(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]
