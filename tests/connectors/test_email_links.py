"""Signed links: GET shows and changes nothing, POST does it once; what was changed, too old or unknown does nothing."""

import base64
import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from connectors.errors import Refused
from connectors.model import Button, Command, Form, Message, Question, Topic, User
from rules import load
from sync.wording import understood
from tests.connectors.post_office import ANN, DOWN, NOW, office


@pytest.fixture
def at():
    with office() as made:
        made.email.put(ANN, DOWN, None, "k1")
        made.link = made.ann()[0].link("Acknowledge")
        yield made


def test_a_link_leads_to_the_public_address_and_to_this_connector(at):
    split = urlsplit(at.link)
    assert f"{split.scheme}://{split.netloc}{split.path}" == "https://pointman.example.org/act"
    assert parse_qs(split.query)["via"] == ["email"]
    assert at.email.paths == ("/act",)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_follows_it_changes_nothing(at, method):
    page = at.ask(at.link, method)
    assert (page.status, page.signals) == (200, ())
    assert "Acknowledge OPS-1?" in page.body
    assert "you have seen it and take care of it: OPS-1" in page.body
    assert f"You act as <strong>{ANN}</strong>" in page.body


def test_the_button_makes_a_command_in_that_persons_name(at):
    receipt = at.ask(at.link, "POST")
    (command,) = receipt.signals
    assert command == Command("10001", "acknowledge", User(ANN, "", ANN), "email", {}, "page", NOW, command.id)
    assert receipt.status == 303
    assert receipt.headers["location"].startswith("?via=email&t=")


def test_a_second_press_is_the_same_command(at):
    ids = {at.ask(at.link, "POST").signals[0].id for _ in range(3)}
    assert len(ids) == 1
    take = at.ann()[0].link("Take it")
    at.email.put(ANN, DOWN, None, "k2")
    others = {at.ask(url, "POST").signals[0].id for url in (take, at.ann()[1].link("Acknowledge"))}
    assert len(ids | others) == 3, "another verb and another mail are other acts"


def done(at, receipt):
    """The page that the browser is sent to."""
    return at.ask(f"https://pointman.example.org/act{receipt.headers['location']}")


def test_afterwards_the_page_shows_what_came_of_it(at):
    receipt = at.ask(at.link, "POST")
    waiting = done(at, receipt)
    assert "It is being carried out" in waiting.body
    assert 'http-equiv="refresh"' in waiting.body
    at.email.answer(receipt.signals[0], "You acknowledged **OPS-1** <b>.")
    assert "You acknowledged <strong>OPS-1</strong> &lt;b&gt;." in done(at, receipt).body
    assert len(at.ann()) == 1, "whoever is shown it needs no mail"


def test_what_the_command_lacks_is_asked_for_on_the_page(at):
    at.email.put(ANN, Message("x", (Button("Update", "update", "10001"),), about=DOWN.about), None, "k2")
    link = at.ann()[-1].link("Update")
    receipt = at.ask(link, "POST")
    questions = (
        Question("text", "What <now>?", "text", value="so <far>"),
        Question("level", "How severe?", "choice", ("low", "high"), "high"),
        Question("person", "Who?", "person", required=False),
    )
    at.email.ask(receipt.signals[0], Form("Update", questions))
    page = done(at, receipt).body
    assert '<label for="text">What &lt;now&gt;?</label>' in page
    assert '<textarea id="text" name="text" rows="5" required>so &lt;far&gt;</textarea>' in page
    assert "<option>low</option><option selected>high</option>" in page
    assert '<input id="person" name="person" value="">' in page
    sent = [
        at.ask(link, "POST", body) for body in ("text=We+fail+over%0D%0Anow&level=high&person=", "text=x", "text=x")
    ]
    commands = [receipt.signals[0] for receipt in sent]
    assert commands[0].args == {"text": "We fail over\nnow", "level": "high"}
    assert (commands[1].id == commands[2].id, commands[0].id == commands[1].id) == (True, False)
    at.email.answer(commands[0], "Your update is on OPS-1.")
    assert "Your update is on OPS-1." in done(at, sent[0]).body


def test_nobody_reads_what_came_of_anothers_link(at):
    first = at.ask(at.link, "POST")
    at.email.answer(first.signals[0], "secret answer")
    other = at.ann()[0].link("Take it")
    for ident in (first.signals[0].id, f"{first.signals[0].id}.x", "", "link."):
        assert "secret answer" not in at.ask(other, done=ident).body


def tampered(link, **changes):
    """The link with parts of what it says changed, under the old signature."""
    query = dict(parse_qsl(urlsplit(link).query))
    payload, _, mac = query["t"].partition(".")
    told = json.loads(base64.urlsafe_b64decode(payload + "=="))
    names = ("verb", "ref", "address", "until", "mark", "key")
    told = [changes.get(name, value) for name, value in zip(names, told, strict=True)]
    again = base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"https://pointman.example.org/act?via=email&t={again}.{mac}"


WRONG = [
    ("no token at all", lambda link: "https://pointman.example.org/act?via=email", 400, "not whole"),
    ("half of it", lambda link: link[: link.index(".", link.index("t="))], 400, "not whole"),
    ("another verb", lambda link: tampered(link, verb="resolve"), 401, "not made here"),
    ("another ticket", lambda link: tampered(link, ref="10002"), 401, "not made here"),
    ("another person", lambda link: tampered(link, address="boss@example.org"), 401, "not made here"),
    ("longer", lambda link: tampered(link, until=9_999_999_999), 401, "not made here"),
    ("cut short", lambda link: link[:-1], 401, "not made here"),
    ("another signature", lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"), 401, "not made here"),
    (
        "nonsense",
        lambda link: "https://pointman.example.org/act?via=email&t=%00%FF%ED%A0%80.x%C3%28",
        401,
        "not made here",
    ),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(("why", "change", "status", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_a_link_that_is_not_ours_does_nothing(at, why, change, status, said, method):
    page = at.ask(change(at.link), method)
    assert (page.status, page.signals) == (status, ()), why
    assert said in page.body, why
    assert "Nothing was changed." in page.body


def test_a_link_made_with_another_secret_is_not_believed(at):
    other = at.again(secret="another-secret-of-16-chars")
    other.put(ANN, DOWN, None, "k2")
    assert at.ask(at.ann()[-1].link("Take it"), "POST").status == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_ends_after_two_days(at, method):
    at.later(hours=47, minutes=59)
    assert at.ask(at.link, method).status in {200, 303}
    at.later(minutes=1)
    page = at.ask(at.link, method)
    assert (page.status, page.signals) == (410, ())
    assert "too old" in page.body


def test_how_long_a_link_holds_can_be_set(at):
    at.again(link_hours=1).put(ANN, DOWN, None, "k2")
    link = at.ann()[-1].link("Take it")
    at.later(hours=1)
    assert at.ask(link).status == 410
    assert at.ask(at.link).status == 200


def signed(at, told):
    """A link with our own signature over anything."""
    links = at.email._acting._links
    payload = base64.urlsafe_b64encode(told).decode().rstrip("=")
    return f"https://pointman.example.org/act?via=email&t={payload}.{links._mac(payload)}"


@pytest.mark.parametrize(
    "told", [b"[]", b"{}", b"\xff", b'["a","b","c","d","e","f"]', b'["a","b","c",1e99,"e","f"]', b"1"]
)
def test_a_signed_link_of_another_time_is_told_so(at, told):
    assert at.ask(signed(at, told), "POST").status == 400


def test_a_verb_that_is_no_longer_known_is_told_so(at):
    until = int((NOW + timedelta(hours=1)).timestamp())
    page = at.ask(signed(at, json.dumps(["explode", "1", ANN, until, "", ""]).encode()), "POST")
    assert (page.status, page.signals) == (400, ())
    assert "no longer does" in page.body


def test_a_role_behind_the_verb_is_kept(at):
    at.email.put(ANN, Message("x", (Button("I am", "claim:poc", "10001"),), about=Topic("10001", "OPS-1")), None, "k2")
    link = at.ann()[-1].link("I am")
    assert "Claim poc OPS-1?" in at.ask(link).body
    (command,) = at.ask(link, "POST", "role=commander").signals
    assert command.verb == "claim:poc"
    meant = understood(command, load.parse({"a.toml": '[defaults]\ntimezone = "UTC"\n'}))
    assert (meant.verb, meant.args) == ("claim", {"role": "poc"}), "the link says which, and not who follows it"


@pytest.mark.parametrize("body", ["&".join(f"a{n}=1" for n in range(30)), "text=" + "x" * 50_000, "%FF=%FF&=1&a+b=2"])
def test_odd_forms_are_cut_or_refused(at, body):
    receipt = at.ask(at.link, "POST", body)
    assert receipt.status in {303, 400}
    for command in receipt.signals:
        assert sum(map(len, command.args.values())) <= 10_000


def test_a_page_fetches_nothing_runs_nothing_and_is_kept_nowhere(at):
    for page in (at.ask(at.link), at.ask(at.link[:-1])):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert "noindex" in page.headers["x-robots-tag"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.content_type == "text/html; charset=utf-8"
        assert not re.search(r"<(script|img|link|iframe)|\bon\w+=|style=", page.body)
        assert "//" not in re.sub(r"<style>.*?</style>", "", page.body).replace("</", "").replace("<!doctype", "")


def test_the_style_of_a_page_is_the_one_its_policy_allows(at):
    page = at.ask(at.link)
    from hashlib import sha256

    style = re.search(r"<style>(.*?)</style>", page.body, re.DOTALL)[1]
    assert (
        f"'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'"
        in page.headers["content-security-policy"]
    )


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self):
        super().__init__()
        self.tags, self.labels, self.fields, self.lang = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.tags.append(tag)
        self.lang = self.lang or told.get("lang", "") * (tag == "html")
        self.labels += [told["for"]] if tag == "label" else []
        self.fields += [told["id"]] if tag in {"input", "textarea", "select"} else []


def test_a_page_has_a_language_one_heading_and_a_label_for_each_field(at):
    receipt = at.ask(at.link, "POST")
    questions = (Question("a", "A"), Question("b", "B", "text"), Question("c", "C", "choice", ("x",)))
    at.email.ask(receipt.signals[0], Form("Form", questions))
    for page in (at.ask(at.link), done(at, receipt)):
        outline = Outline()
        outline.feed(page.body)
        assert outline.lang == "en"
        assert (outline.tags.count("h1"), outline.tags.count("main"), outline.tags.count("title")) == (1, 1, 1)
        assert outline.labels == outline.fields


def test_somebody_who_wrote_a_mail_is_not_asked_back(at):
    with pytest.raises(Refused, match="write it below the verb"):
        at.email.ask(Command("1", "update", User(ANN), "email", {}, "[]"), Form("x", ()))
