"""An installation of one tracker and any messengers, each real over its emulator, under rules that are always the same.

`COMPANY` and the pack say what should happen. Per product there is a table `[connectors.*]` and the address of each
place; nothing else differs. The clock is moved by hand: whoever waits here waits for an answer, never for time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from sandbox.clock import Clock
from sandbox.desk import Desk
from sandbox.http import Server
from sandbox.jira import JiraState
from sandbox.jira.desk import JiraDesk
from sandbox.mail import MailSandbox
from sandbox.servicenow import ServiceNowState
from sandbox.servicenow.desk import ServiceNowDesk
from sandbox.slack import SlackSandbox
from sandbox.teams import TeamsSandbox
from tests.connectors.post_office import MX, OURS, PASSWORD

Tracker = Literal["cloud", "datacenter", "servicenow"]
Messenger = Literal["slack", "teams", "webhook", "email"]
TRACKERS: Final[tuple[Tracker, ...]] = ("cloud", "datacenter", "servicenow")
MESSENGERS: Final[tuple[Messenger, ...]] = ("slack", "teams", "webhook", "email")
MORNING: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PUBLIC: Final = "http://pointman.test"
SOON: Final = timedelta(seconds=5)

COMPANY: Final = """
[defaults]
timezone = "UTC"
packs = ["incident"]
fallback = ["place:incidents"]
[fields]
affected_users = { type = "number" }
[people]
ann = { email = "ann@example.org" }
maria = { email = "maria@example.org" }
tom = { email = "tom@example.org" }
[schedules]
rota = { rotation = ["tom"], handover = "Mon 00:00" }
[teams]
payments = { lead = "maria", members = ["ann", "maria", "tom"], schedule = "rota" }
platform = { lead = "ann", members = ["ann"], schedule = "rota" }
[services]
checkout = { team = "payments", criticality = "critical" }
orders-db = { team = "platform", criticality = "high" }
[lists]
vip = ["person:maria"]
[audiences]
management = { to = ["place:management"] }
[roles]
commander = { title = "Incident commander" }
[[notify]]
id = "commander-wanted"
when = 'severity == "high" and not commander'
to = ["place:incidents"]
text = "**{{ key }}** needs an incident commander."
buttons = ["claim:commander"]
worth_telling = ["severity"]
[[notify]]
id = "pauses"
on = ["hold", "resumed", "changed:commander"]
to = ["place:incidents"]
text = "{{ key }}: {{ changed }}."
"""

_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "slack": ("slack", "#{}"),
    "teams": ("msteams", "Operations/{}"),
    "webhook": ("teams_webhook", "Operations/{}"),
    "email": ("email", "{}@example.org"),
}


@dataclass
class Products:
    """The emulators of one combination, on one clock."""

    clock: Clock
    desk: Desk
    tracker: Server
    slack: SlackSandbox | None = None
    teams: TeamsSandbox | None = None
    mail: MailSandbox | None = None
    names: frozenset[Messenger] = field(default_factory=frozenset)

    def tables(self) -> str:
        """The `[connectors.*]` of a configuration."""
        tracker = self._servicenow() if isinstance(self.desk, ServiceNowDesk) else self._jira()
        return tracker + self._slack() + self._teams() + self._mail()

    def _jira(self) -> str:
        assert isinstance(self.desk, JiraDesk)
        user = 'user = "pointman@example.org"' if self.desk.state.flavour == "cloud" else ""
        return f"""
[connectors.jira]
url = "{self.tracker.url}"
{user}
token = "{self.desk.state.token}"
project = ["OPS"]
kind = "Incident"
[connectors.jira.fields]
severity = "customfield_10050"
service = "customfield_10051"
team = "customfield_10052"
affected_users = "customfield_10053"
commander = "customfield_10059"
recovery = "customfield_10062"
[connectors.jira.values.severity]
high = "High"
medium = "Medium"
low = "Low"
[connectors.jira.values.service]
checkout = "Checkout (prod)"
orders-db = "Orders DB"
[connectors.jira.hold]
statuses = "10005"
"""

    def _servicenow(self) -> str:
        assert isinstance(self.desk, ServiceNowDesk)
        return f"""
[defaults]
severity = "low"
[connectors.servicenow]
url = "{self.tracker.url}"
user = "pointman"
password = "{self.desk.state.password}"
[connectors.servicenow.fields]
affected_users = "u_affected_users"
commander = "u_commander"
recovery = "u_recovery"
[connectors.servicenow.values.service]
checkout = "Checkout (prod)"
orders-db = "Orders DB"
"""

    def _slack(self) -> str:
        if self.slack is None:
            return ""
        state = self.slack.state
        return f"""
[connectors.slack]
token = "{state.token}"
signing_secret = "{state.signing_secret}"
base_url = "{self.slack.api}"
"""

    def _teams(self) -> str:
        if self.teams is None:
            return ""
        box, state = self.teams, self.teams.state
        channels = {f"Operations/{name}": state.channel(name) for name in ("Incidents", "Management")}
        if "webhook" in self.names:
            urls = "\n".join(f'"{name}" = "{state.webhook(state.flow(c))}"' for name, c in channels.items())
            return f"\n[connectors.teams_webhook.channels]\n{urls}\n"
        ids = "\n".join(f'"{name}" = "{channel.id}"' for name, channel in channels.items())
        return f"""
[connectors.msteams]
use = "teams"
tenant = "{state.entra.tenant}"
app_id = "{state.app.id}"
secret = "{state.app.secret}"
service_url = "{box.service_url}"
login_url = "{box.server.url}"
openid_url = "{box.metadata}"
graph_url = "{box.graph}"
[connectors.msteams.channels]
{ids}
"""

    def _mail(self) -> str:
        if self.mail is None:
            return ""
        server = f'host = "127.0.0.1"\nsecurity = "none"\nuser = "{OURS}"\npassword = "{PASSWORD}"'
        return f"""
[connectors.email]
sender = "Pointman <{OURS}>"
secret = "link-secret-of-at-least-16"
public_url = "{PUBLIC}"
trust = "{MX}"
every = 0.01
[connectors.email.smtp]
port = {self.mail.smtp_port}
{server}
[connectors.email.imap]
port = {self.mail.imap_port}
{server}
"""


@contextmanager
def products(tracker: Tracker, names: Collection[Messenger]) -> Iterator[Products]:
    """Emulators with the same people and places in them; the clock stands still at nine in the morning."""
    clock = Clock(MORNING, speed=0)
    desk: Desk = (
        ServiceNowDesk(ServiceNowState(clock)) if tracker == "servicenow" else JiraDesk(JiraState(clock, tracker))
    )
    with ExitStack() as stack:
        server = stack.enter_context(Server(desk.handle, clock))
        stack.callback(desk.close)
        made = Products(clock, desk, server, names=frozenset(names))
        if "slack" in names:
            made.slack = stack.enter_context(SlackSandbox(clock))
            for channel in ("#incidents", "#management"):
                made.slack.state.channel(channel)
        if {"teams", "webhook"} & set(names):
            made.teams = stack.enter_context(TeamsSandbox(clock))
            for channel in ("Incidents", "Management"):
                made.teams.state.channel(channel)
        if {"email", "webhook"} & set(names):  # a webhook reaches nobody alone: people are told by e-mail
            made.mail = stack.enter_context(MailSandbox(clock))
            made.mail.state.account(OURS, PASSWORD)
        for username, address, name in desk.people():
            if made.slack is not None:
                made.slack.state.person(username, address, name)
            if made.teams is not None:
                made.teams.state.person(username, address, name)
        yield made


def install(folder: Path, made: Products, rules: Path) -> Path:
    """Write the configuration and the addresses of the places; the rules lie in a folder that all share."""
    folder.mkdir(parents=True, exist_ok=True)
    addresses = folder / "places.toml"
    addresses.write_text(_places(made.names))
    config = folder / "config.toml"
    head = f'rules = ["{rules}", "{addresses}"]\nstart = 2020-01-01T00:00:00Z\n[sweep]\nconcurrency = 1\n'
    config.write_text(head + made.tables())
    return config


def _places(names: Collection[Messenger]) -> str:
    lines = ["[places]"]
    for place in ("incidents", "management"):
        told = (_PLACES[name] for name in sorted(names))
        each = (
            f'{name} = "{form.format(place.capitalize() if "Operations" in form else place)}"' for name, form in told
        )
        lines.append(f"{place} = {{ {', '.join(each)} }}")
    return "\n".join(lines) + "\n"


def until(true: Callable[[], object], patience: float = 20.0) -> None:
    """Wait for an answer that is on its way."""
    limit = time.monotonic() + patience
    while not true():
        assert time.monotonic() < limit, "nobody answered"
        time.sleep(0.001)
