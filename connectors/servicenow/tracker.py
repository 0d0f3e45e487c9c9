"""ServiceNow as the place where tickets live: the records of one table of one instance.

A look asks three times: for the record (with the ledger), its history and its journal; who or what an id means is
asked once. One request writes words, note and ledger. A ticket that we made carries its key as `correlation_id`.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, ClassVar, Final

from connectors.base import Receipt, Request, Tracker, Wanted
from connectors.errors import Missing, Refused, Temporary
from connectors.model import Edit, Ticket, User
from connectors.problems import Problem
from connectors.servicenow import webhook
from connectors.servicenow.checks import Check
from connectors.servicenow.client import Client, Row, literal
from connectors.servicenow.dictionary import Dictionary
from connectors.servicenow.edits import Edits
from connectors.servicenow.fields import Fields, written
from connectors.servicenow.installing import Installation
from connectors.servicenow.names import Names
from connectors.servicenow.records import Records
from connectors.servicenow.settings import ServiceNowSettings
from connectors.setup import Order, Setup, Step

REMEMBERED: Final = 2000
"""Tickets of which it is remembered how they were last read."""
_NUMBER = re.compile(r"[A-Z]{2,10}\d{3,15}")


class ServiceNow(Tracker):
    """One ServiceNow instance, and the table in it whose records are tickets."""

    Settings = ServiceNowSettings
    product = "ServiceNow"
    edits_comments: ClassVar[bool] = False

    settings: ServiceNowSettings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup:
        """How it is set up."""
        from connectors.servicenow.setup import ServiceNowSetup

        return ServiceNowSetup(name, given)

    def __init__(self, name: str, settings: ServiceNowSettings) -> None:
        super().__init__(name, settings)
        self._client = Client(settings, name)
        self._names = Names(self._client, settings.table)
        self._dictionary = Dictionary(self._client, settings.table)
        self._fields = Fields(settings, self._names, self._dictionary)
        self._records = Records(settings, name, self._client, self._fields, self._names)
        self._edits = Edits(settings, self._fields, self._names)
        self._lock = Lock()
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._outside: OrderedDict[str, None] = OrderedDict()
        self._me: User | None = None

    # ---- who and when

    def now(self) -> datetime | None:
        """The instance's time."""
        return self._client.clock.now()

    def me(self) -> User:
        """The account we write with."""
        if self._me is None:
            self._names.meet((), [self.settings.user])
            self._me = self._names.user(self.settings.user)
        return self._me

    def user(self, address: str) -> User | None:
        """The active user with this e-mail address."""
        return self._names.at(address)

    def covers(self, ticket: Ticket) -> bool:
        """Whether the ticket was in scope when it was last read."""
        return ticket.ref not in self._outside

    # ---- one ticket

    def get(self, ref: str) -> Ticket:
        """Read a ticket by sys_id or number: record, history and journal."""
        tried = f"could not read {ref[:80]}"
        if webhook.SYS_ID.fullmatch(ref):
            query = f"sys_id={ref}"
        elif _NUMBER.fullmatch(ref):
            query = f"number={ref}"
        else:
            raise Missing(f"could not read {ref[:80]!r}: that is no record's sys_id or number")
        scope = self._scope()
        row = self._first(f"{query}^{scope}" if scope else query, tried)
        inside = row is not None
        if row is None and scope:
            row = self._first(query, tried)
        if row is None:
            raise Missing(f"{tried}: there is no such record in {self.settings.table}, or the account may not see it")
        (ticket,) = self._read([row], tried)
        self._kept(ticket.ref, row, inside=inside)
        self._client.clock.reached(ticket.updated)
        return ticket

    def _first(self, query: str, tried: str) -> Row | None:
        """The record that a query finds; it must be the one asked for, whatever the instance made of the query."""
        row = self._client.first(self.settings.table, query, self._records.asked(), tried)
        asked = query.partition("^")[0].partition("=")[2]
        if row is not None and asked not in {row["sys_id"].value, row["number"].value if "number" in row else ""}:
            raise Temporary(f"{tried}: ServiceNow answered another record", in_doubt=False)
        return row

    def _read(self, rows: list[Row], tried: str) -> tuple[Ticket, ...]:
        try:
            return self._records.read(rows, tried)
        except (KeyError, ValueError) as error:
            raise Temporary(f"{tried}: ServiceNow left out, or misspelt, {error}", in_doubt=False) from None

    def _kept(self, ref: str, row: Row, *, inside: bool) -> None:
        with self._lock:
            self._rows[ref] = row
            self._rows.move_to_end(ref)
            self._outside.pop(ref, None)
            if not inside:
                self._outside[ref] = None
            for memory in (self._rows, self._outside):
                while len(memory) > REMEMBERED:
                    memory.popitem(last=False)

    def write(self, ref: str, edit: Edit | None, ledger: str | None) -> None:
        """Words, note and ledger in one request. Raises Refused with the words refused, or dropped with success."""
        tried = f"could not edit {ref}"
        if not webhook.SYS_ID.fullmatch(ref):
            raise Missing(f"{tried}: that is no record's sys_id")
        body = self._edits.body(tried, edit or Edit(), self._rows.get(ref))
        if not body and ledger is None:
            return
        edit = edit or Edit()
        sent = self._edits.with_ledger(body, ledger)
        try:
            answer = self._client.change(self.settings.table, ref, sent, tried)
        except Refused as refused:
            raise Refused(str(refused), fields=dict.fromkeys(edit.fields, str(refused))) from None
        self._edits.taken(tried, edit, sent, (self._rows.get(ref), answer))
        with self._lock:
            if ref in self._rows:
                self._rows[ref] = {**self._rows[ref], **answer}

    # ---- new ones

    def create(self, edit: Edit, key: str) -> str:
        """Make a record that carries the key as `correlation_id`; answers its sys_id."""
        tried = "could not create a ticket"
        body = self._edits.new(tried, edit, correlation(key))
        made = self._client.insert(self.settings.table, body, tried)
        kept = made["correlation_id"].value if "correlation_id" in made else ""
        if kept != body["correlation_id"]:
            said = f"{made['sys_id'].value} was made, but ServiceNow dropped its correlation_id"
            raise Refused(f"{tried}: {said}; let the account write it, else every alert makes another ticket")
        return made["sys_id"].value

    def find(self, key: str) -> str | None:
        """The record created with this key, the oldest where there are several; or the one that people call so."""
        tried = f"could not look for {key[:80]}"
        wanted = correlation(key)
        oldest = "^ORDERBYsys_created_on^ORDERBYsys_id"
        row = self._client.first(
            self.settings.table, f"correlation_id={wanted}{oldest}", ["correlation_id", "number"], tried
        )
        if row is not None and row["correlation_id"].value.casefold() == wanted.casefold():
            return row["sys_id"].value
        if not _NUMBER.fullmatch(key):
            return None
        row = self._client.first(self.settings.table, f"number={key}", ["number"], tried)
        return row["sys_id"].value if row is not None and row["number"].value == key else None

    # ---- many tickets

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """What is open or changed since then, 100 a page, each page with its history and journals."""
        over = [value for phase in ("resolved", "closed") for value in self.settings.states.get(phase, ())]
        going = f"stateNOT IN{','.join(over)}^active=true" if over else "active=true"
        # conditions after ^OR belong to the one before; two lists keep each of them plain, and a sys_id tells doubles
        return self._several((going, self._since(since, f"^stateIN{','.join(over)}^ORactive=false" if over else "")))

    def changed(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """Only what changed since then."""
        return self._several((self._since(since, ""),))

    def _since(self, since: datetime, more: str) -> str:
        return f"sys_updated_on>={written(since)}{more}"

    def _several(self, queries: Iterable[str]) -> Iterator[tuple[Ticket, ...]]:
        scope, tried = self._scope(), "could not list tickets"
        for query in queries:
            whole = "^".join(part for part in (scope, query) if part)
            for page in self._client.every(self.settings.table, whole, self._records.asked(), tried):
                yield self._read(page, tried)

    def _scope(self) -> str:
        """The conditions of a ticket in scope, as configured."""
        groups = ",".join(literal(name) for name in self.settings.group)
        return "^".join(
            part for part in (f"assignment_group.nameIN{groups}" if groups else "", self.settings.query) if part
        )

    # ---- webhooks, and whether all is well

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read a webhook. Raises BadRequest."""
        return webhook.read(self.name, self.settings, request, now)

    def check(self, wanted: Wanted) -> Iterable[Problem]:
        """Try it for real; changes nothing."""
        return Check(self.name, self.settings, self._client, self._fields, self._names).run(wanted)

    def install(self, order: Order) -> Iterator[Step]:
        """Make the ledger's column, the webhook's properties and its business rule."""
        return Installation(self.name, self.settings, self._client).run(order)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def correlation(key: str) -> str:
    """The key as a `correlation_id`: itself where a query can ask for it as it is, else its digest."""
    if re.fullmatch(r"[A-Za-z0-9_.:/-]{1,100}", key):
        return key
    return f"pointman-{hashlib.sha256(key.encode()).hexdigest()[:40]}"


__all__ = ["ServiceNow", "ServiceNowSettings", "correlation"]
