"""What a ServiceNow instance is made of: tables with columns, and records of text.

A record's values are what the database holds: text in every column, moments in UTC as `2026-11-23 09:00:00`, flags as
`true` and `false`, references as the other record's sys_id. What people see instead is made from that when it is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

Kind = Literal["string", "integer", "boolean", "choice", "reference", "glide_date_time", "journal", "guid", "list"]

STAMP: Final = "%Y-%m-%d %H:%M:%S"


def stamp(at: datetime) -> str:
    """A moment as the database holds it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime(STAMP)


def moment(text: str) -> datetime:
    """The moment that the database holds. Raises ValueError."""
    return datetime.strptime(text, STAMP).replace(tzinfo=UTC)


def sys_id(seed: str) -> str:
    """A record's id: 32 hexadecimal digits, the same for the same seed."""
    return hashlib.md5(seed.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `to` is the table that a reference leads to; `size` is how many characters it keeps."""

    name: str
    label: str
    kind: Kind = "string"
    to: str = ""
    size: int = 255
    audited: bool = True
    default: str = ""
    read_only: bool = False
    mandatory: bool = False


@dataclass(slots=True)
class Table:
    """A table, with the columns that it has itself; the table that it extends has the others."""

    name: str
    label: str
    columns: dict[str, Column]
    display: str = "name"
    audited: bool = False
    extends: str = ""


@dataclass(slots=True)
class Record:
    """One record: `values` by column; a column that is not there is empty."""

    table: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its sys_id."""
        return self.values["sys_id"]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the sandbox: their user name, name, address, and zone (empty: the instance's)."""

    username: str
    name: str
    email: str
    zone: str = ""


PEOPLE: Final = (
    Person("pointman", "Pointman", "pointman@example.org"),
    Person("ann", "Ann Archer", "ann@example.org", "Europe/Berlin"),
    Person("maria", "Maria Keller", "maria@example.org"),
    Person("tom", "Tom Reyes", "tom@example.org", "US/Eastern"),
    Person("bob", "Bob Hidden", "bob@example.org"),
)
GROUPS: Final = ("payments", "platform", "dba", "Service Desk")
SERVICES: Final = ("Checkout (prod)", "Orders DB", "Intranet")

STATES: Final[Mapping[str, str]] = {
    "1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled",
}  # fmt: skip
HOLDS: Final[Mapping[str, str]] = {
    "1": "Awaiting Caller", "3": "Awaiting Problem", "4": "Awaiting Vendor", "5": "Awaiting Change",
}  # fmt: skip
CLOSES: Final = ("Solution provided", "Workaround provided", "Resolved by caller", "Duplicate", "User error")
PRIORITIES: Final[Mapping[str, str]] = {
    "1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning",
}  # fmt: skip
LEVELS: Final[Mapping[str, str]] = {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"}
CHOICES: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("incident", "state"): STATES,
    ("incident", "incident_state"): STATES,
    ("incident", "hold_reason"): HOLDS,
    ("incident", "close_code"): {name: name for name in CLOSES},
    ("incident", "category"): {"inquiry": "Inquiry / Help", "software": "Software", "network": "Network"},
    ("task", "impact"): LEVELS,
    ("task", "urgency"): LEVELS,
    ("task", "priority"): PRIORITIES,
    ("task", "state"): {"1": "Open", "2": "Work in Progress", "3": "Closed Complete", "-5": "Pending"},
}
"""The choice lists, by table and column: values and labels."""

_SYSTEM: Final = (
    Column("sys_id", "Sys ID", "guid", size=32, audited=False, read_only=True),
    Column("sys_created_on", "Created", "glide_date_time", audited=False, read_only=True),
    Column("sys_created_by", "Created by", size=40, audited=False, read_only=True),
    Column("sys_updated_on", "Updated", "glide_date_time", audited=False, read_only=True),
    Column("sys_updated_by", "Updated by", size=40, audited=False, read_only=True),
    Column("sys_mod_count", "Updates", "integer", audited=False, read_only=True),
)
_TASK: Final = (
    Column("number", "Number", size=40, read_only=True),
    Column("short_description", "Short description", size=160),
    Column("description", "Description", size=4000),
    Column("state", "State", "choice", default="1"),
    Column("active", "Active", "boolean", default="true"),
    Column("impact", "Impact", "choice", default="3"),
    Column("urgency", "Urgency", "choice", default="3"),
    Column("priority", "Priority", "choice"),
    Column("assigned_to", "Assigned to", "reference", "sys_user"),
    Column("assignment_group", "Assignment group", "reference", "sys_user_group"),
    Column("business_service", "Service", "reference", "cmdb_ci_service"),
    Column("cmdb_ci", "Configuration item", "reference", "cmdb_ci"),
    Column("opened_at", "Opened", "glide_date_time"),
    Column("opened_by", "Opened by", "reference", "sys_user"),
    Column("closed_at", "Closed", "glide_date_time"),
    Column("closed_by", "Closed by", "reference", "sys_user"),
    Column("parent", "Parent", "reference", "task"),
    Column("due_date", "Due date", "glide_date_time"),
    Column("correlation_id", "Correlation ID", size=100),
    Column("correlation_display", "Correlation display", size=100),
    Column("contact_type", "Contact type", size=40),
    Column("watch_list", "Watch list", "list", "sys_user", size=4000),
    Column("comments", "Additional comments", "journal", size=4000),
    Column("work_notes", "Work notes", "journal", size=4000),
    Column("comments_and_work_notes", "Comments and Work notes", "journal", size=4000, read_only=True),
    Column("sys_class_name", "Task type", size=80, audited=False, read_only=True),
)
_INCIDENT: Final = (
    Column("caller_id", "Caller", "reference", "sys_user"),
    Column("category", "Category", "choice", default="inquiry"),
    Column("subcategory", "Subcategory", size=40),
    Column("incident_state", "Incident state", "choice", default="1"),
    Column("hold_reason", "On hold reason", "choice"),
    Column("close_code", "Resolution code", "choice"),
    Column("close_notes", "Resolution notes", size=4000),
    Column("resolved_at", "Resolved", "glide_date_time"),
    Column("resolved_by", "Resolved by", "reference", "sys_user"),
    Column("reopen_count", "Reopen count", "integer", default="0"),
    Column("severity", "Severity", "integer", default="3"),
    Column("parent_incident", "Parent Incident", "reference", "incident"),
    Column("u_affected_users", "Affected users", "integer"),
    Column("u_eta", "ETA", "glide_date_time"),
    Column("u_detected", "Detected", "glide_date_time"),
    Column("u_commander", "Commander", "reference", "sys_user"),
    Column("u_security", "Security", "boolean", default="false"),
    Column("u_status_text", "Status text", size=4000),
    Column("u_recovery", "Recovery"),
)
_USER: Final = (
    Column("user_name", "User ID", size=40),
    Column("name", "Name", size=151),
    Column("email", "Email", size=100),
    Column("active", "Active", "boolean", default="true"),
    Column("time_zone", "Time zone", size=40),
    Column("user_password", "Password"),
    Column("locked_out", "Locked out", "boolean", default="false"),
    Column("roles", "Roles"),
)
_GROUP: Final = (
    Column("name", "Name", size=80),
    Column("active", "Active", "boolean", default="true"),
    Column("manager", "Manager", "reference", "sys_user"),
    Column("email", "Group email", size=100),
)
_MEMBER: Final = (
    Column("group", "Group", "reference", "sys_user_group"),
    Column("user", "User", "reference", "sys_user"),
)
_CI: Final = (
    Column("name", "Name"),
    Column("sys_class_name", "Class", size=80),
    Column("operational_status", "Operational status", default="1"),
    Column("support_group", "Support group", "reference", "sys_user_group"),
)
_SERVICE: Final = (Column("busines_criticality", "Business criticality", size=40),)
_JOURNAL: Final = (
    Column("name", "Name", size=80),
    Column("element", "Element", size=80),
    Column("element_id", "Element ID", size=32),
    Column("value", "Value", size=4000),
)
_AUDIT: Final = (
    Column("tablename", "Table name", size=80),
    Column("documentkey", "Document key", size=32),
    Column("fieldname", "Field name", size=80),
    Column("oldvalue", "Old value", size=4000),
    Column("newvalue", "New value", size=4000),
    Column("user", "User", size=40),
    Column("reason", "Reason"),
    Column("record_checkpoint", "Record checkpoint", "integer"),
    Column("internal_checkpoint", "Internal checkpoint", size=40),
)
_SET: Final = (
    Column("id", "ID", size=32),
    Column("table", "Table", size=80),
    Column("last_update_recorded", "Last update recorded", size=40),
    Column("updates", "Updates", "integer"),
    Column("line_table", "Line table", size=80),
    Column("language", "Language", size=10),
    Column("timezone", "Time zone", size=40),
)
_LINE: Final = (
    Column("set", "Set", "reference", "sys_history_set"),
    Column("field", "Field", size=80),
    Column("label", "Label", size=80),
    Column("old", "Old", size=4000),
    Column("old_value", "Old value", size=4000),
    Column("new", "New", size=4000),
    Column("new_value", "New value", size=4000),
    Column("type", "Type", size=40),
    Column("update", "Update number", "integer"),
    Column("update_time", "Update time", "glide_date_time"),
    Column("user", "User", "reference", "sys_user"),
    Column("user_id", "User ID", size=40),
    Column("user_name", "User name", size=151),
)
_CHOICE: Final = (
    Column("name", "Table", size=80),
    Column("element", "Element", size=80),
    Column("value", "Value"),
    Column("label", "Label"),
    Column("sequence", "Sequence", "integer"),
    Column("inactive", "Inactive", "boolean", default="false"),
    Column("language", "Language", size=10, default="en"),
)
_DICTIONARY: Final = (
    Column("name", "Table", size=80),
    Column("element", "Column name", size=80),
    Column("column_label", "Column label", size=80),
    Column("internal_type", "Type", size=40),
    Column("max_length", "Max length", "integer"),
    Column("reference", "Reference", size=80),
    Column("default_value", "Default value"),
    Column("attributes", "Attributes", size=1000),
    Column("audit", "Audit", "boolean", default="false"),
    Column("read_only", "Read only", "boolean", default="false"),
    Column("mandatory", "Mandatory", "boolean", default="false"),
    Column("active", "Active", "boolean", default="true"),
    Column("comments", "Comments", size=4000),
)
_OBJECT: Final = (
    Column("name", "Name", size=80),
    Column("label", "Label", size=80),
    Column("super_class", "Extends table", "reference", "sys_db_object"),
)
_SCRIPT: Final = (
    Column("name", "Name", size=80),
    Column("collection", "Table", size=80),
    Column("active", "Active", "boolean", default="true"),
    Column("advanced", "Advanced", "boolean", default="false"),
    Column("when", "When", size=40, default="before"),
    Column("order", "Order", "integer", default="100"),
    Column("action_insert", "Insert", "boolean", default="false"),
    Column("action_update", "Update", "boolean", default="false"),
    Column("action_delete", "Delete", "boolean", default="false"),
    Column("action_query", "Query", "boolean", default="false"),
    Column("filter_condition", "Filter conditions", size=4000),
    Column("condition", "Condition", size=254),
    Column("script", "Script", size=65000),
    Column("description", "Description", size=4000),
)
_PROPERTY: Final = (
    Column("name", "Name", size=100),
    Column("value", "Value", size=4000),
    Column("type", "Type", size=40, default="string"),
    Column("description", "Description", size=512),
    Column("is_private", "Private", "boolean", default="false"),
    Column("ignore_cache", "Ignore cache", "boolean", default="false"),
    Column("read_roles", "Read roles", size=1000),
    Column("write_roles", "Write roles", size=1000),
)


def _table(name: str, label: str, *columns: Column, extends: str = "") -> Table:
    own = columns if extends else (*_SYSTEM, *columns)
    return Table(name, label, {column.name: column for column in own}, extends=extends)


def tables() -> dict[str, Table]:
    """The tables of an instance, with some columns that this company has added to its incidents (`u_...`)."""
    task = _table("task", "Task", *_TASK)
    incident = _table("incident", "Incident", *_INCIDENT, extends="task")
    problem = _table("problem", "Problem", extends="task")
    for one in (task, incident, problem):
        one.display, one.audited = "number", True
    found = (
        task, incident, problem,
        _table("cmdb_ci", "Configuration Item", *_CI),
        _table("cmdb_ci_service", "Service", *_SERVICE, extends="cmdb_ci"),
        _table("sys_user", "User", *_USER),
        _table("sys_user_group", "Group", *_GROUP),
        _table("sys_user_grmember", "Group Member", *_MEMBER),
        _table("sys_journal_field", "Journal Entry", *_JOURNAL),
        _table("sys_audit", "Audit", *_AUDIT),
        _table("sys_history_set", "History Set", *_SET),
        _table("sys_history_line", "History", *_LINE),
        _table("sys_choice", "Choice", *_CHOICE),
        _table("sys_dictionary", "Dictionary Entry", *_DICTIONARY),
        _table("sys_db_object", "Table", *_OBJECT),
        _table("sys_script", "Business Rule", *_SCRIPT),
        _table("sys_properties", "System Property", *_PROPERTY),
    )  # fmt: skip
    return {table.name: table for table in found}


def begins() -> Iterator[tuple[str, dict[str, str]]]:
    """The records that an instance begins with: people, groups, services and choice lists, each with its table."""
    for person in PEOPLE:
        yield "sys_user", {
            "sys_id": sys_id(f"user {person.username}"), "user_name": person.username, "name": person.name,
            "email": person.email, "active": "true", "time_zone": person.zone,
        }  # fmt: skip
    for name in GROUPS:
        yield "sys_user_group", {"sys_id": sys_id(f"group {name}"), "name": name, "active": "true"}
    for name in SERVICES:
        yield "cmdb_ci_service", {
            "sys_id": sys_id(f"service {name}"), "name": name, "sys_class_name": "cmdb_ci_service",
            "operational_status": "1",
        }  # fmt: skip
    for (table, column), choices in CHOICES.items():
        for number, (value, label) in enumerate(choices.items(), 1):
            yield "sys_choice", {
                "sys_id": sys_id(f"choice {table} {column} {value}"), "name": table, "element": column,
                "value": value, "label": label, "sequence": str(number), "inactive": "false", "language": "en",
            }  # fmt: skip
