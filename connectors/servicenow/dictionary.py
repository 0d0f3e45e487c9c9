"""What the columns of a table hold, as `sys_dictionary` says; many accounts may not read it, and do without.

It is asked for once. Without it a column's kind is known by its shape, by a reference's link, or by `types`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from connectors.errors import Denied, Refused
from connectors.servicenow.client import EMPTY, Client
from connectors.servicenow.settings import Kind

KINDS: Final[Mapping[str, Kind]] = {
    "integer": "number",
    "longint": "number",
    "decimal": "number",
    "float": "number",
    "currency": "number",
    "percent_complete": "number",
    "boolean": "flag",
    "glide_date_time": "moment",
    "glide_date": "moment",
    "due_date": "moment",
    "string": "text",
    "choice": "choice",
}
"""What the types of columns hold; others are known by their shape."""


@dataclass(frozen=True, slots=True)
class Described:
    """A column as the dictionary has it. `to` is the table that a reference leads to, `size` how much it keeps."""

    kind: Kind | None
    to: str = ""
    size: int = 0
    attributes: str = ""
    table: str = ""


class Dictionary:
    """The columns of one table and of `task`, as far as the account may read of them."""

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table
        self._lock = Lock()
        self._known: Mapping[str, Described] | None = None

    def columns(self, wanted: Iterable[str]) -> Mapping[str, Described]:
        """What is known of these columns; nothing where it may not be read. Asks once; raises Temporary."""
        if self._known is None:
            with self._lock:
                if self._known is None:
                    self._known = self._read(wanted)
        return self._known

    def _read(self, wanted: Iterable[str]) -> Mapping[str, Described]:
        query = f"nameIN{self._table},task^elementIN{','.join(sorted(wanted))}"
        fields = ["name", "element", "internal_type", "reference", "max_length", "attributes"]
        found: dict[str, Described] = {}
        try:
            for page in self._client.every("sys_dictionary", query, fields, "could not read the dictionary", 1000):
                for row in page:
                    said = {name: row.get(name, EMPTY).value for name in fields}
                    if said["element"] in found and said["name"] != self._table:
                        continue  # the table's own entry says more than that of the table it extends
                    found[said["element"]] = _described(said)
        except (Denied, Refused):
            return {}
        return found


def _described(said: Mapping[str, str]) -> Described:
    reference = said["reference"] if said["internal_type"] == "reference" else ""
    kind = KINDS.get(said["internal_type"])
    if reference:
        kind = "user" if reference == "sys_user" else "text"
    size = int(said["max_length"]) if said["max_length"].isdigit() else 0
    return Described(kind, reference, size, said["attributes"], said["name"])
