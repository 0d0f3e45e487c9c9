"""What an instance must have for us: a column for the ledger, and a business rule that calls our webhook.

Made through the Table API where the account may (the role admin), each thing only where it is missing. What it may not
make stands in an update set, as a file to be imported, together with the steps; the secret stands in no file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from connectors.errors import ConnectorError, Denied, Refused
from connectors.servicenow.client import Client, Row, literal
from connectors.servicenow.settings import LEDGER, ServiceNowSettings
from connectors.setup import Order, Step

RULE: Final = "Pointman webhook"
ROOM: Final = 65_000
"""Characters that the ledger's column keeps."""
FILE: Final = "pointman-update-set.xml"
_SCRIPT: Final = """\
(function executeRule(current, previous) {
    var url = gs.getProperty('%(url)s');
    var secret = gs.getProperty('%(secret)s');
    if (!url || !secret) {
        return;
    }
    var body = JSON.stringify({
        table: String(current.getTableName()),
        sys_id: String(current.getUniqueValue()),
        delivery: String(gs.generateGUID())
    });
    var at = String(Math.floor(new Date().getTime() / 1000));
    var key = GlideStringUtil.base64Encode(secret);
    var mac = new GlideCertificateEncryption().generateMac(key, 'HmacSHA256', at + '.' + body);
    try {
        var request = new sn_ws.RESTMessageV2();
        request.setEndpoint(url);
        request.setHttpMethod('POST');
        request.setHttpTimeout(10000);
        request.setRequestHeader('Content-Type', 'application/json');
        request.setRequestHeader('X-Pointman-Timestamp', at);
        request.setRequestHeader('X-Pointman-Signature', 'sha256=' + mac);
        request.setRequestBody(body);
        var answer = request.execute();
        if (answer.getStatusCode() >= 300) {
            gs.warn('Pointman answered ' + answer.getStatusCode() + ' to a webhook');
        }
    } catch (error) {
        gs.warn('Pointman could not be told of a change: ' + error);
    }
})(current, previous);
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A record that the instance must have. `find` tells it apart, `keep` are columns that are brought up to date."""

    what: str
    table: str
    find: Mapping[str, str]
    values: Mapping[str, str]
    keep: tuple[str, ...] = ()


class Installation:
    """Makes what is missing on one instance."""

    def __init__(self, name: str, settings: ServiceNowSettings, client: Client) -> None:
        self._name = name
        self._settings = settings
        self._client = client

    def run(self, order: Order) -> Iterator[Step]:
        """Every part, one after the other; at last the update set, where something was refused.

        Raises ConnectorError where we cannot even sign in: then nothing is known of what is there.
        """
        query = f"user_name={literal(self._settings.user)}"
        self._client.first("sys_user", query, [], f"could not sign in to {self._name}")
        known = self._settings.webhook_secret
        secret = known.get_secret_value() if known is not None else ""
        parts, left = [self._column()], ""
        if secret and order.url:
            parts += [*self._properties(f"{order.url}/hooks/{self._name}", secret), self._rule()]
        else:
            missing = "--url with Pointman's public address" if secret else "webhook_secret in the configuration"
            left = f"it needs {missing}; without it changes are found by asking"
        refused = False
        for part in parts:
            step = self._brought(part, dry=order.dry)
            refused = refused or step.state == "refused"
            yield step
        if left:
            yield Step("a business rule that tells Pointman of changes at once", "todo", left)
        if refused:
            yield self._by_hand(order)
        yield Step("rights", "todo", _RIGHTS % {"table": self._settings.table})

    # ---- the parts

    def _column(self) -> Part:
        table = self._settings.table
        entry = {
            "name": table,
            "element": LEDGER,
            "column_label": "Pointman",
            "internal_type": "string",
            "max_length": str(ROOM),
            "attributes": "no_audit=true",
            "comments": "What Pointman has done and been asked; do not edit.",
            "active": "true",
        }
        what = f"the column {table}.{LEDGER}"
        return Part(what, "sys_dictionary", {"name": table, "element": LEDGER}, entry)

    def _named(self, what: str) -> str:
        return f"pointman.{self._name}.{what}"

    def _properties(self, url: str, secret: str) -> Iterator[Part]:
        """Two system properties: where to call, and with which secret; for administrators' eyes only."""
        for what, value in (("webhook_url", url), ("webhook_secret", secret)):
            name = self._named(what)
            told = {
                "name": name,
                "value": value,
                "type": "string",
                "description": f"Pointman: {what.replace('_', ' ')} of its business rule.",
                "is_private": "true",
                "read_roles": "admin",
                "write_roles": "admin",
            }
            yield Part(f"the system property {name}", "sys_properties", {"name": name}, told, ("value",))

    def _rule(self) -> Part:
        names = {"url": self._named("webhook_url"), "secret": self._named("webhook_secret")}
        table = self._settings.table
        told = {
            "name": RULE,
            "collection": table,
            "active": "true",
            "advanced": "true",
            "when": "async",
            "order": "1000",
            "action_insert": "true",
            "action_update": "true",
            "description": "Tells Pointman that a record was made or changed; sends its id and nothing of its content.",
            "script": _SCRIPT % names,
        }
        find = {"name": RULE, "collection": table}
        return Part(f"the business rule {RULE} on {table}", "sys_script", find, told, ("script",))

    # ---- making them

    def _brought(self, part: Part, *, dry: bool) -> Step:
        """One part, made or brought up to date where it is not as it should be."""
        tried = f"could not make {part.what}"
        query = "^".join(f"{column}={literal(value)}" for column, value in part.find.items())
        try:
            row = self._client.first(part.table, query, list(part.keep), tried)
            stale = {c: part.values[c] for c in part.keep if row is not None and not _holds(row, c, part.values[c])}
            if row is not None and not stale:
                return Step(part.what, "there")
            if dry:
                return Step(part.what, "would", "its text is out of date" if stale else "")
            if row is not None:
                self._client.change(part.table, row["sys_id"].value, stale, tried)
                return Step(part.what, "made", "brought up to date")
            self._client.insert(part.table, part.values, tried)
        except (Denied, Refused) as error:
            return Step(part.what, "refused", str(error))
        return self._seen(part, query, tried)

    def _seen(self, part: Part, query: str, tried: str) -> Step:
        """An instance answers success to much that it does not do, so what was made is looked for."""
        try:
            there = self._client.first(part.table, query, [], tried) is not None
        except ConnectorError as error:
            return Step(part.what, "refused", str(error))
        if not there:
            return Step(part.what, "refused", "ServiceNow answered success, and it is not there")
        return Step(part.what, "made")

    # ---- by hand

    def _by_hand(self, order: Order) -> Step:
        url = f"{order.url or 'https://pointman.example.org'}/hooks/{self._name}"
        parts = [self._column(), *self._properties(url, ""), self._rule()]
        said = _STEPS % {"file": FILE, "secret": self._named("webhook_secret")}
        return Step("the update set", "todo", said, FILE, update_set(parts).encode())


_STEPS: Final = (
    "as an administrator: System Update Sets, Retrieved Update Sets, Import Update Set from XML: %(file)s;\n"
    "open it, Preview Update Set, then Commit Update Set;\n"
    "sys_properties.list: give %(secret)s the value of webhook_secret in Pointman's configuration"
)
_RIGHTS: Final = (
    "give Pointman's account, by a role of its own:\n"
    "read, write and create on %(table)s (the role itil has them), write on %(table)s.u_pointman and correlation_id;\n"
    "read on sys_audit where tablename is %(table)s, on sys_journal_field, sys_choice, sys_user, sys_user_group;\n"
    "the role snc_platform_rest_api_access, if the instance asks for it"
)


def _holds(row: Row, column: str, value: str) -> bool:
    """Whether a column holds this text; one that may not be read is taken to."""
    return column not in row or row[column].value.split() == value.split()


def update_set(parts: list[Part]) -> str:
    """The parts as an update set that `Import Update Set from XML` takes."""
    updates = "".join(_update(part, number) for number, part in enumerate(parts, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<unload>\n'
        '<sys_remote_update_set action="INSERT_OR_UPDATE">'
        f"<application_name>Global</application_name><application_scope>global</application_scope>"
        "<name>Pointman</name><state>loaded</state><remote_sys_id>706f696e746d616e0000000000000000</remote_sys_id>"
        "<sys_id>706f696e746d616e0000000000000001</sys_id></sys_remote_update_set>\n"
        f"{updates}</unload>\n"
    )


def _update(part: Part, number: int) -> str:
    """One record of an update set. What has no value here (the secret) is left as the instance has it."""
    id_ = hashlib.md5(part.what.encode(), usedforsecurity=False).hexdigest()
    columns = "".join(f"<{c}>{escape(value)}</{c}>" for c, value in {**part.values, "sys_id": id_}.items() if value)
    inner = (
        f'<?xml version="1.0" encoding="UTF-8"?><record_update table="{part.table}">'
        f'<{part.table} action="INSERT_OR_UPDATE">{columns}</{part.table}></record_update>'
    )
    named = "_".join(part.find.values()) if part.table == "sys_dictionary" else id_
    return (
        '<sys_update_xml action="INSERT_OR_UPDATE"><action>INSERT_OR_UPDATE</action>'
        f"<name>{part.table}_{named}</name><type>{escape(part.table)}</type><payload>{escape(inner)}</payload>"
        "<remote_update_set>706f696e746d616e0000000000000001</remote_update_set>"
        f"<sys_id>706f696e746d616e00000000000001{number:02d}</sys_id></sys_update_xml>\n"
    )
