"""Reads the administrator's files into a `RuleSet`, or tells everything that is wrong with them at once.

The order is: what is TOML; which names exist, in all files; what each table says; what each rule says; what must hold
between rules. A name is checked against all files, so it does not matter which file gives it. Where one file is not
TOML its names are missing, so then nothing is said about unknown names: they would all be consequences.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from connectors.problems import Problem, Problems, Where, nearest
from rules import building, cases, company, pack, toml
from rules.building import Written
from rules.identity import check_ids
from rules.language import DEFAULTS, KINDS, NOT_YET, TABLES, TEST
from rules.model import Defaults, Mode, Rule, RuleSet
from rules.naming import names_of, vocabulary
from rules.pack import Packed
from rules.reading import Reading
from rules.shadows import endless_mutes, entangled_clocks, shadows, stopped_clocks, unheard, unreached_steps
from rules.toml import Document, Node

Later = Literal["refuse", "ignore"]


def load(paths: Sequence[Path], mode: Mode = "on", connectors: Collection[str] = ()) -> RuleSet:
    """The rules of these files and folders (a folder is its `*.toml`). Raises Problems with every mistake.

    `mode` is that of the whole: no rule is bolder. `connectors` are the names of those that are set up; empty where
    that is not known.
    """
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path in paths:
        for file in _files(path, problems):
            try:
                texts[str(file)] = toml.decode(str(file), file.read_bytes())
            except toml.Mistaken as wrong:
                problems.append(wrong.problem)
            except OSError as error:
                problems.append(Problem(Where(str(file)), f"cannot be read: {error.strerror}"))
    return _parse(texts, mode, connectors, "refuse", problems)


def parse(
    texts: Mapping[str, str], mode: Mode = "on", connectors: Collection[str] = (), later: Later = "refuse"
) -> RuleSet:
    """The rules of these texts by file name. Raises Problems with every mistake.

    `later` says what becomes of rules whose kind comes with a later version: they are always checked, then refused,
    or ignored.
    """
    return _parse(texts, mode, connectors, later, [])


def _files(path: Path, problems: list[Problem]) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.toml"))
        if not found:
            problems.append(Problem(Where(str(path)), "this folder holds no *.toml"))
        return found
    if not path.exists():
        problems.append(Problem(Where(str(path)), "there is no such file or folder"))
        return []
    return [path]


def _parse(
    texts: Mapping[str, str], mode: Mode, connectors: Collection[str], later: Later, problems: list[Problem]
) -> RuleSet:
    files = _Files(problems, whole=not problems)
    ordered = {name: texts[name] for name in sorted(texts, key=lambda name: (Path(name).name, name))}
    for name, text in ordered.items():
        files.add(name, text)
    return _Loading(files, mode, connectors, later).rules(ordered)


@dataclass
class _Files:
    """Everything that all files say, by table and name, in order; the same entry twice is told."""

    problems: list[Problem]
    tables: dict[str, dict[str, Node]] = field(default_factory=dict)
    rules: list[tuple[str, Node]] = field(default_factory=list)
    tests: list[Node] = field(default_factory=list)
    headers: dict[str, Node] = field(default_factory=dict)
    whole: bool = True

    def add(self, name: str, text: str) -> None:
        try:
            root = toml.read(name, text)
        except toml.Mistaken as wrong:
            self._lost(wrong.problem)
            return
        for key, node in root.value.items():
            if key in KINDS:
                self.rules.extend((key, item) for item in self._list(key, node))
            elif key == "test":
                self.tests.extend(self._list(key, node))
            elif key in TABLES or key in {"defaults", "change"}:
                self._table(key, node)
            else:
                known = [*TABLES, "defaults", "change", *KINDS, "test"]
                hint = nearest(key, known) or f"there are {', '.join(known)}"
                hint = "it belongs into config.toml" if key == "connectors" else hint
                self._lost(Problem(node.key, f"no table {key}", hint=hint), names=isinstance(node.value, dict))

    def _lost(self, problem: Problem, *, names: bool = True) -> None:
        """Tell a mistake because of which something is not read, `names` that others use perhaps among it."""
        self.problems.append(problem)
        self.whole = self.whole and not names

    def _list(self, key: str, node: Node) -> list[Node]:
        if isinstance(node.value, list) and all(isinstance(item.value, dict) for item in node.value):
            return list(node.value)
        self.problems.append(Problem(node.where, f"there can be many of {key}", hint=f"write [[{key}]]"))
        return []

    def _table(self, key: str, node: Node) -> None:
        if not isinstance(node.value, dict):
            said = f"{key} is one table" if isinstance(node.value, list) else f"{key} is a table"
            where = node.value[0].where if isinstance(node.value, list) and node.value else node.where
            self._lost(Problem(where, said, hint=f"write [{key}]"))
            return
        self.headers.setdefault(key, node)
        entries = self.tables.setdefault(key, {})
        for name, item in node.value.items():
            if name in entries:
                first = entries[name].key
                said = f"{name} is there already, at {first.file}:{first.line}"
                self.problems.append(Problem(item.key, said, key))
            else:
                entries[name] = item


class _Loading:
    """One loading, step by step."""

    def __init__(self, files: _Files, mode: Mode, connectors: Collection[str], later: Later) -> None:
        self.files, self.mode, self.later = files, mode, later
        self.at = Reading(names_of(files.tables, connectors, whole=files.whole), files.problems)
        rooms = tuple(_id(node) for kind, node in files.rules if kind == "channel")
        self.at.names.known = {**self.at.names.known, "channel": rooms}
        self.at.vocabulary = vocabulary(self.at.names) if files.whole else None

    def rules(self, texts: Mapping[str, str]) -> RuleSet:
        """Everything checked. Raises Problems."""
        read = company.read(self.files.tables, self.at)
        defaults = self._defaults()
        written = [*self._packed(defaults), *self._own(defaults)]
        tests = self._tests()
        check_ids(written, self.at)
        if self.at.errors:
            raise Problems(dict.fromkeys(self.at.problems))
        made = self._made(written, defaults)
        zone = defaults["timezone"]
        known = company.make(read, zone, self.at)
        self.at.problems.extend([*shadows(made), *unheard(made), *stopped_clocks(made, known["services"].values())])
        self.at.problems.extend([*unreached_steps(made), *entangled_clocks(made), *endless_mutes(made)])
        return RuleSet(
            defaults=Defaults(
                zone,
                defaults.get("fallback", ()),
                defaults.get("packs", ()),
                {kind: values for kind, values in defaults.items() if kind in KINDS},
                defaults.get("absences", ()),
            ),
            vocabulary=vocabulary(self.at.names),
            rules=made,
            **known,
            cases=tuple(case for values, node in tests for case in cases.cases(values, node)),
            files=tuple(texts),
            digest=_digest(texts, defaults.get("packs", ())),
            warnings=tuple(sorted(dict.fromkeys(self.at.problems))),
        )

    def _defaults(self) -> Mapping[str, Any]:
        """What `[defaults]` says, of all files together."""
        self.at.label = "defaults"
        node = self.files.headers.get("defaults") or Node({}, Document("", ""))
        merged = Node({}, node.document)
        merged.start, merged.end = node.start, node.end
        merged.value = self.files.tables.get("defaults", {})
        given = {} if self.at.names.whole else {"timezone": None}  # it may stand in what could not be read
        read = DEFAULTS.read_over(given, merged, self.at)
        for index, recipient in enumerate(read.get("fallback", ())):
            if recipient is not None and self.at.names.outside(recipient) is not None:
                where = merged.value["fallback"].value[index].said
                self.at.wrong(where, "an external audience is no fallback", "it would be told what is not for it")
        return read

    def _tests(self) -> tuple[tuple[Mapping[str, Any], Node], ...]:
        """Every test as read, with its table."""
        read = []
        for node in self.files.tests:
            self.at.label = "test"
            values = TEST.read(node, self.at)
            cases.check(values, node, self.at)
            read.append((values, node))
        return tuple(read)

    def _packed(self, defaults: Mapping[str, Any]) -> Iterator[Written]:
        """The rules of the packs in use, as the administrator changed them."""
        tables, changes = self.files.tables, self.files.tables.get("change", {})
        packs = [name for name in defaults.get("packs", ()) if name is not None]
        rules = {packed.id: packed for name in packs for packed in pack.rules_of(name, pack.text_of(name), tables)}
        own = {_id(node) for _, node in self.files.rules}
        pack.check_changes(changes, rules, own, self.at)
        for packed in rules.values():
            before = len(self.at.problems)
            yield self._written(packed.kind, packed.id, pack.changed(packed, changes).node, defaults)
            self._advise(packed, before)

    def _advise(self, packed: Packed, before: int) -> None:
        """A mistake inside a pack is mended in the administrator's own file."""
        for index, problem in enumerate(self.at.problems[before:], before):
            if problem.where.file.startswith(pack.FOLDER_NAME):
                hint = f'give it, or change the rule with [change."{packed.id}"]'
                self.at.problems[index] = replace(problem, hint=hint)

    def _own(self, defaults: Mapping[str, Any]) -> Iterator[Written]:
        for kind, node in self.files.rules:
            yield self._written(kind, _id(node), node, defaults)

    def _written(self, kind: str, name: str, node: Node, defaults: Mapping[str, Any]) -> Written:
        """One rule, read over the defaults of its kind and checked."""
        at = self.at
        at.label = f"{kind} {name}".strip()
        given = building.given(kind, defaults.get(kind, {}), node)
        if name:
            given["id"] = name
        written = Written(kind, name, KINDS[kind].read_over(given, node, at), node)
        building.check(written, at)
        if self.later == "refuse":
            building.not_yet(written, at)
        return written

    def _made(self, written: Sequence[Written], defaults: Mapping[str, Any]) -> tuple[Rule, ...]:
        rules = []
        for rule in written:
            if rule.kind not in NOT_YET:
                modes = (self.mode, defaults.get(rule.kind, {}).get("mode", "on"), rule.values.get("mode", "on"))
                rules.append(building.build(rule, modes, defaults["timezone"]))
        order = list(KINDS)
        return tuple(sorted(rules, key=lambda rule: order.index(rule.kind)))


def _id(node: Node) -> str:
    """The id that a rule gives itself, as far as it does."""
    found = node.value.get("id")
    return found.value if found is not None and isinstance(found.value, str) else ""


def _digest(texts: Mapping[str, str], packs: Sequence[str]) -> str:
    found = hashlib.sha256()
    for name, text in [*sorted(texts.items()), *((name, pack.text_of(name)) for name in packs)]:
        found.update(f"{len(name)}:{name}{len(text)}:{text}".encode())
    return found.hexdigest()[:16]
