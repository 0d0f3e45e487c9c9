"""E-mail with all of Pointman behind it: a mail goes out, a link is followed, a reply comes back, the ticket knows."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from sandbox.mail import Mail, MailSandbox
from sandbox.mail.people import Letter
from sandbox.world import World
from sync import config
from sync.ledger import Ledger
from sync.run import Running, assemble, read_rules
from tests.connectors.post_office import MX, OURS, PASSED, PASSWORD
from tests.sync.installation import install

PUBLIC = "http://pointman.test"
TOM = "tom@example.org"
RULES = f"""
[[notify]]
id = "mail"
when = 'severity == "high"'
to = ["email:{TOM}"]
text = "**{{{{ key }}}}** {{{{ summary }}}}"
buttons = ["acknowledge", "update"]
"""


def until(true: Callable[[], object], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.02)


class Installed:
    """A running Pointman whose products are Jira, Slack and a mail server."""

    def __init__(self, folder: Path, world: World, box: MailSandbox) -> None:
        self.world, self.box = world, box
        server = f'host = "127.0.0.1"\nsecurity = "none"\nuser = "{OURS}"\npassword = "{PASSWORD}"'
        more = f"""
[connectors.email]
sender = "Pointman <{OURS}>"
secret = "link-secret-of-at-least-16"
public_url = "{PUBLIC}"
trust = "{MX}"
every = 0.05
[connectors.email.smtp]
port = {box.smtp_port}
{server}
[connectors.email.imap]
port = {box.imap_port}
{server}
"""
        path = install(folder, world, more)
        (folder / "rules.d" / "mail.toml").write_text(RULES)
        read = config.load(path)
        self.parts = assemble(read, read_rules(read))
        self.running = Running(self.parts)
        self.url = f"http://127.0.0.1:{self.running.start()}"
        world.connect(self.url, "a webhook secret")
        until(lambda: requests.get(f"{self.url}/readyz", timeout=10).status_code == 200)

    def down(self) -> tuple[str, Mail]:
        """A ticket that is high, and the mail that says so."""
        key = self.world.create("ann", {"Summary": "Checkout is down"})
        until(lambda: self.box.state.inbox(TOM))
        return key, self.box.state.inbox(TOM)[0]

    def link(self, mail: Mail, label: str) -> str:
        return mail.link(label).replace(PUBLIC, self.url)

    def comments(self, key: str) -> list[str]:
        """What the ticket's comments say, its log among them."""
        return [each["text"] for each in self.world.jira.view(key)["comments"]]

    def acts(self, key: str) -> list[str]:
        """What people asked for, as the ticket's ledger keeps it."""
        seen = self.world.jira.view(key)
        kept = seen["properties"].get("pointman")
        return [act.verb for act in Ledger.loads(kept and json.dumps(kept), seen["id"]).acts]


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    with World() as world, MailSandbox() as box:
        box.state.account(OURS, PASSWORD)
        made = Installed(tmp_path, world, box)
        yield made
        made.running.stop(timedelta(seconds=5))


def test_a_link_is_shown_by_get_and_done_by_post_once(installed: Installed) -> None:
    key, mail = installed.down()
    assert mail.subject == f"[{key}] Checkout is down"
    url = installed.link(mail, "Acknowledge")
    for _ in range(2):
        page = installed.box.people.follow(url)
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert requests.head(url, timeout=10).status_code == 200
    assert installed.acts(key) == []
    for said in (f"You acknowledged {key}.", "You acknowledged", "You acknowledged"):
        done = installed.box.people.press(page)
        until(lambda: "being carried out" not in requests.get(done.url, timeout=10).text)  # noqa: B023
        shown = requests.get(done.url, timeout=10).text
        assert said in shown or "done already" in shown
    assert installed.acts(key) == ["acknowledge"]
    wrong = requests.post(url[:-1] + "x", timeout=10)
    assert (wrong.status_code, "not made here" in wrong.text) == (401, True)
    assert requests.get(f"{installed.url}/act", timeout=10).status_code == 404
    assert requests.get(f"{installed.url}/act?via=slack", timeout=10).status_code == 404


def test_what_a_verb_lacks_is_asked_for_on_the_page(installed: Installed) -> None:
    key, mail = installed.down()
    people = installed.box.people
    asked = people.press(people.follow(installed.link(mail, "Post an update")))
    assert '<textarea id="text"' in asked.text
    done = people.press(asked, {"text": "We fail over to the replica."})
    until(lambda: "being carried out" not in requests.get(done.url, timeout=10).text)
    assert len(installed.acts(key)) == 1
    assert "We fail over to the replica." in "".join(installed.comments(key))


def test_a_reply_becomes_a_comment_and_a_verb_becomes_an_act(installed: Installed) -> None:
    key, mail = installed.down()
    people = installed.box.people
    people.reply(mail, f"Tom <{TOM}>", "It is the disk.\n\n-- \nTom")
    told = lambda: [m.text for m in installed.box.state.inbox(TOM) if m.header("Auto-Submitted") == "auto-replied"]  # noqa: E731
    until(lambda: len(told()) == 1)
    assert any("It is the disk." in said and "Tom\n" not in said for said in installed.comments(key))
    people.reply(mail, f"Tom <{TOM}>", Letter("resolve", headers=PASSED))
    until(lambda: len(told()) == 2)
    assert f"You resolved {key}." in told()[1]
    people.reply(mail, "Eve <eve@example.org>", Letter("take", headers=PASSED))
    until(lambda: installed.box.state.inbox("eve@example.org"))
    assert "Pointman does not know" in installed.box.state.inbox("eve@example.org")[0].text
    until(lambda: all(m.seen for m in installed.box.state.inbox(OURS)))
