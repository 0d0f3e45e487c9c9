"""Ready-made rules: files in `packs/` that an administrator takes in with `packs = ["incident"]` and changes by key.

A pack holds rules only, and uses the tables that the administrator's own files provide. A rule that says
`needs = ["lists.vip"]` is left out where there is no such entry. `[change."incident.card"]` in the administrator's file
replaces whole keys of a rule. What was turned down: parameters with a grammar of their own. Names the company gives
to its things and the change of a key do all that they would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rules import toml
from rules.reading import Reading
from rules.toml import Node

FOLDER = Path(__file__).parent / "packs"
PACKS: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
"""The names of all packs."""

FOLDER_NAME = "packs/"
"""What a pack's file is called begins with this."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A rule of a pack: its kind, its id with the pack's name before it, and the table with what was changed."""

    kind: str
    id: str
    node: Node


def text_of(pack: str) -> str:
    """The text of a pack's file."""
    return (FOLDER / f"{pack}.toml").read_text(encoding="utf-8")


def rules_of(pack: str, text: str, tables: Mapping[str, Mapping[str, Node]]) -> Iterator[Packed]:
    """The rules of a pack whose needs are met, in their order within each kind."""
    root = toml.read(f"{FOLDER_NAME}{pack}.toml", text)
    for kind, nodes in root.value.items():
        for node in nodes.value if isinstance(nodes.value, list) else ():
            needs = node.value.pop("needs", None)
            if all(_met(need.value, tables) for need in (needs.value if needs else ())):
                yield Packed(kind, f"{pack}.{node.value.pop('id').value}", node)


def _met(need: str, tables: Mapping[str, Mapping[str, Node]]) -> bool:
    table, _, name = need.partition(".")
    return name in tables.get(table, {})


def changed(packed: Packed, changes: Mapping[str, Node]) -> Packed:
    """The rule with the keys that the administrator replaced."""
    change = changes.get(packed.id)
    if change is None or not isinstance(change.value, dict):
        return packed
    node = Node({}, packed.node.document)
    node.start, node.end = packed.node.start, packed.node.end
    node.value = {**packed.node.value, **{key: item for key, item in change.value.items() if key != "id"}}
    return Packed(packed.kind, packed.id, node)


def check_changes(changes: Mapping[str, Node], ids: Mapping[str, Packed], own: set[str], at: Reading) -> None:
    """Tell what `[change]` names that no pack in use has."""
    for name, node in changes.items():
        at.label = f"change {name}"
        if not isinstance(node.value, dict):
            at.unwanted(node, "a table")
        elif name in own:
            at.wrong(node.key, f"{name} is no rule of a pack", "change it where it stands")
        elif name not in ids:
            pack = name.partition(".")[0]
            if pack in PACKS and not any(known.startswith(f"{pack}.") for known in ids):
                at.wrong(node.key, f"the pack {pack} is not in use", f'write packs = ["{pack}"] in [defaults]')
            else:
                at.unknown(node.key, "rule of a pack", name, ids)
        elif "id" in node.value:
            at.wrong(node.value["id"].key, "the id of a pack's rule stays")
