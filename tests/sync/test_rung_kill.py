"""The real process is killed with SIGKILL while it writes down who acknowledged in PagerDuty, and nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.gateway import GatewaySandbox, Person
from sandbox.http import Answer, Asked
from sandbox.process import Pointman
from sandbox.world import World
from sync.ledger import Ledger
from sync.rows import Act
from tests.connectors.gateways import ROUTING
from tests.sync.installation import RULES, SECRET, install

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
SIGNING = "the secret of the subscription"
TOM = Person("PTOM", "Tom", "tom@example.org")
PHONES = """
[connectors.phone]
use = "webhook"
recipe = "pagerduty"
url = "{url}"
token = "{token}"
webhook_secret = "{secret}"
api_token = "rest"
api_url = "{rest}"
"""
LADDER = """
[places.oncall]
phone = "oncall"
[[escalate]]
id = "wake"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "1s", to = ["place:oncall"] }]
"""


class Dying:
    """A Pointman in a process of its own, which is killed as its next write reaches Jira: before, or just after."""

    def __init__(self, folder: Path, world: World, box: GatewaySandbox) -> None:
        self.world, self.box = world, box
        self.pointman = Pointman(world, folder)
        path = install(folder, world)
        phones = PHONES.format(url=box.pagerduty, token=ROUTING, secret=SIGNING, rest=box.rest)
        path.write_text(path.read_text().replace("port = 0", f"port = {self.pointman.port}") + phones)
        (folder / "rules.d" / "rules.toml").write_text(RULES + LADDER)
        world.connect(self.pointman.url, SECRET)
        box.people.hook = f"{self.pointman.url}/hooks/phone"
        box.people.secrets = (SIGNING,)
        self.dies = ""
        self._jira = world.server.handler
        world.server.handler = self._handled

    def start(self) -> None:
        self.dies = ""
        self.pointman.start()
        self.pointman.wait()

    def acts(self, key: str) -> tuple[Act, ...]:
        issue = next(issue for issue in self.world.jira.issues.values() if issue.key == key)
        return Ledger.loads(json.dumps(issue.properties["pointman"]), issue.id).acts

    def _handled(self, asked: Asked) -> Answer:
        writes = asked.method in {"PUT", "POST"} and "/issue/" in asked.path
        if writes and self.dies == "before":
            self.pointman.kill()
            return Answer(503, "it never came")
        answer = self._jira(asked)
        if writes and self.dies == "after":
            self.pointman.kill()
        return answer


def until(true: Callable[[], object], seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[Dying]:
    with World() as world, GatewaySandbox(world.clock) as box:
        box.state.keys, box.state.rest_keys, box.state.users = {ROUTING}, {"rest"}, {"PTOM": "tom@example.org"}
        made = Dying(tmp_path, world, box)
        yield made
        made.pointman.stop()


def test_an_acknowledgement_that_meets_a_kill_is_delivered_again_and_stands_once(dying: Dying) -> None:
    dying.start()
    meets_a_kill(dying, "before", number=0)
    meets_a_kill(dying, "after", number=1)
    assert len(dying.box.state.rings) == 2


def meets_a_kill(dying: Dying, dies: str, number: int) -> None:
    """A ticket rings, is acknowledged there while the process dies, and the next process hears of it again."""
    state, people = dying.box.state, dying.box.people
    key = dying.world.create("ann", {"Summary": "Checkout is down"})
    until(lambda: len(state.events) > number)
    time.sleep(0.3)
    dying.dies = dies
    one = people.acknowledge(TOM)
    until(lambda: dying.pointman.killed == number + 1)
    assert set(one.statuses) == {0}, "nothing was promised"
    assert len(dying.acts(key)) == number, "it died before it was written, or just after"
    dying.start()
    people.deliver(one, 5)
    assert one.statuses[-1] == 202
    assert [(act.by, act.verb) for act in dying.acts(key)] == [("tom", "acknowledge")]
    until(lambda: state.events[number].state == "resolved")
