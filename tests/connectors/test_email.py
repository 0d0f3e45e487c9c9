"""E-mail: what a message is as a mail, how a ticket is one thread, and that nothing from outside gets into a header."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from connectors.errors import Refused
from connectors.model import Button, CannotTell, Message, Topic
from tests.connectors.post_office import ANN, DOWN, NOW, OURS, PASSWORD, authority, connector, graph, imap, office, smtp


@pytest.fixture
def at():
    with office() as made:
        yield made


def test_a_message_is_a_mail_with_a_text_and_an_html_part(at):
    ref = at.email.put(ANN, DOWN, None, "k1")
    (mail,) = at.ann()
    assert (mail.id, mail.sender, mail.to) == (ref, OURS, (ANN,))
    assert mail.author == ("Pointman", OURS)
    assert mail.subject == "[OPS-1] Checkout is down"
    assert mail.header("Date") == "Mon, 23 Nov 2026 10:00:00 +0000"
    assert [part.kind for part in mail.parts] == ["text/plain", "text/html"]
    assert mail.text.startswith("OPS-1 Checkout is down\n")
    assert "<p><strong>OPS-1</strong> Checkout is down</p>" in mail.html
    assert [link.label for link in mail.links] == ["Acknowledge", "Take it"]
    assert f"Take it: {mail.link('Take it')}\n" in mail.text


def test_it_says_that_a_machine_wrote_it_so_that_no_machine_answers(at):
    at.email.put(ANN, DOWN, None, "k1")
    (mail,) = at.ann()
    told = {name: mail.header(name) for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "List-Id")}
    assert told == {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": "<pointman.example.org>",
    }


def test_the_same_key_has_the_same_message_id_and_another_key_another(at):
    told = [at.again().put(ANN, DOWN, None, key) for key in ("k1", "k1", "k2", "k1 k2")]
    assert told[0] == told[1]
    assert len(set(told)) == 3
    assert at.email.put("bob@example.org", DOWN, None, "k1") not in told, "another mail to somebody else"


def test_a_ticket_is_one_thread_with_one_subject(at):
    first = at.email.put(ANN, DOWN, None, "k1")
    at.email.put(ANN, replace(DOWN, text="It is up again", buttons=(), under=first), None, "k2")
    at.email.put(ANN, replace(DOWN, text="news"), None, "k3")
    other = Topic("10002", "OPS-2", "Disk full")
    at.email.put(ANN, replace(DOWN, about=other, buttons=()), None, "k4")
    threads = at.state.threads(ANN)
    assert [(thread.subject, len(thread.mails)) for thread in threads] == [
        ("[OPS-1] Checkout is down", 3),
        ("[OPS-2] Disk full", 1),
    ]
    assert len({mail.subject for mail in threads[0].mails}) == 1
    assert threads[0].mails[1].references == (threads[0].root, first)


def test_what_is_told_again_comes_after_what_was_told_before(at):
    first = at.email.put(ANN, DOWN, None, "k1")
    at.email.put(ANN, replace(DOWN, under=first), None, "k2")
    assert at.ann()[1].header("In-Reply-To") == first
    at.email.put(ANN, replace(DOWN, under="C1:1700000000.1"), None, "k3")
    assert at.ann()[2].references == at.ann()[0].references, "what is no mail of ours is followed by none"


def test_a_sent_mail_cannot_be_changed_nor_looked_for(at):
    assert (at.email.editable, at.email.searchable) == (False, False)
    ref = at.email.put(ANN, DOWN, None, "k1")
    assert isinstance(at.email.find(ANN, "k1", NOW), CannotTell)
    before = at.ann()[0].raw
    at.email.retire(ANN, ref)
    assert [mail.raw for mail in at.ann()] == [before]


@pytest.mark.parametrize(
    "ending", ["\r\nBcc: eve@example.org", "\nBcc: eve@example.org", "\u2028X: y", "\x00\x0b\x85Bcc: e@x.org"]
)
def test_no_line_end_in_a_title_makes_a_header(at, ending):
    about = Topic("10001", f"OPS-1{ending}", f"Checkout{ending}")
    buttons = (Button(f"Take{ending}", "take", "10001"),)
    at.email.put(ANN, Message(f"hello{ending}", buttons, f"title{ending}", about=about), None, "k1")
    (mail,) = at.ann()
    assert mail.to == (ANN,)
    assert mail.message.get("Bcc") is None
    assert mail.message.get("X") is None
    assert "\n" not in mail.subject
    assert list(at.state.mailboxes) == [OURS, ANN]


def test_what_came_from_a_ticket_is_text_in_the_html_part(at):
    tags = '<img src="https://evil.example/x.png"><script>alert(1)</script>'
    text = f"{tags} ![x](https://evil.example/y.png) [b](javascript:a)"
    at.email.put(ANN, Message(text), None, "k1")
    html = at.ann()[0].html
    assert "<img" not in html
    assert "<script" not in html
    assert "javascript" not in html.replace("(javascript:a)", "").replace("[b]", "")
    assert [link.url for link in at.ann()[0].links] == ["https://evil.example/y.png"], "a picture is a link"


MARKDOWN = [
    ("# Head\n\ntext", "<h1>Head</h1>\n<p>text</p>"),
    ("a *b* ~~c~~ `d<e`", "<p>a <em>b</em> <s>c</s> <code>d&lt;e</code></p>"),
    ("1. one\n2. two", "<ol><li><p>one</p>\n</li>\n<li><p>two</p>\n</li>\n</ol>"),
    ("3. three", '<ol start="3"><li><p>three</p>\n</li>\n</ol>'),
    ("> quote", "<blockquote><p>quote</p>\n</blockquote>"),
    ("```\na < b\n```", "<pre><code>a &lt; b\n</code></pre>"),
    ("a\nb", "<p>a<br>\nb</p>"),
    ("---", "<hr>"),
    ("| a | b |\n|---|---|\n| 1 | 2 |", "<td>1</td><td>2</td>"),
    ("[x](https://a.example/?b=1&c=2)", '<a href="https://a.example/?b=1&amp;c=2" rel="noopener noreferrer">x</a>'),
    ("<mailto:a@b.example>", '<a href="mailto:a@b.example" rel="noopener noreferrer">mailto:a@b.example</a>'),
    ("[x](ftp://a.example)", "<p>x</p>"),
]


@pytest.mark.parametrize(("text", "html"), MARKDOWN)
def test_markdown_is_html(text, html):
    from connectors.email import render

    assert html in render.html(text)


def test_the_text_part_tells_where_links_lead(at):
    at.email.put(ANN, Message("See [the ticket](https://t.example/OPS-1) and [it](https://t.example/2)."), None, "k1")
    told = "See the ticket and it.\n\nthe ticket: https://t.example/OPS-1\nit: https://t.example/2\n"
    assert at.ann()[0].text.startswith(told)


def test_a_colour_is_shown_and_a_title(at):
    at.email.put(ANN, Message("x", title="Several", colour=1.0), None, "k1")
    (mail,) = at.ann()
    assert mail.subject == "Several"
    assert "#cf222e" in mail.html
    assert "<h1>Several</h1>" in mail.html
    assert mail.text.startswith("Several\n\nx")


def test_whoever_is_outside_reads_no_key_in_the_subject(at):
    at.email.put(ANN, replace(DOWN, about=Topic("10001"), text="We work on it"), None, "k1")
    (mail,) = at.ann()
    assert mail.subject == "Incident update"
    assert "OPS-1" not in mail.raw.decode()


def test_without_a_public_address_a_mail_has_no_links_but_says_what_to_reply(at):
    email = at.again(public_url="", trust="mx.example.org")
    email.put(ANN, DOWN, None, "k1")
    (mail,) = at.ann()
    assert mail.links == ()
    assert "Reply to this message: your words become a comment on OPS-1." in mail.text
    assert "A first line that is one of these words asks for it: acknowledge, take." in mail.text
    given = {name: value for name, value in at.given.items() if name != "imap"}
    email = connector(at.box, {**given, "public_url": ""})
    email.put(ANN, DOWN, None, "k2")
    email.close()
    assert "Reply" not in at.ann()[1].text, "nobody reads replies"


@pytest.mark.parametrize(
    "place", ["#ops", "nobody", "a@b@c", "a b@example.org", "x@\n.org", "@example.org", "a@", "a@-.org", ""]
)
def test_what_is_no_address_is_refused_before_anything_is_sent(at, place):
    with pytest.raises(Refused, match=r"could not send by email: '.*' is no e-mail address"):
        at.email.put(place, DOWN, None, "k1")
    assert at.state.connections == 0


def test_a_domain_beyond_ascii_is_written_in_ascii(at):
    at.email.put("ann@bücher.example", DOWN, None, "k1")
    assert at.state.inbox("ann@xn--bcher-kva.example")[0].header("To") == "ann@xn--bcher-kva.example"


def test_a_name_beyond_ascii_needs_a_server_that_takes_it(at):
    at.email.put("zoë@example.org", DOWN, None, "k1")
    assert at.state.inbox("zoë@example.org")[0].subject == "[OPS-1] Checkout is down"
    assert any("SMTPUTF8" in told for told in at.state.talk)


def test_many_mails_share_a_few_connections(at):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: at.email.put(ANN, DOWN, None, f"k{n}"), range(40)))
    assert len(at.ann()) == 40
    assert len({mail.id for mail in at.ann()}) == 40
    assert at.state.connections <= 4


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(at):
    from sandbox.mail import Hitch

    at.email.put(ANN, DOWN, None, "k1")
    at.state.hitch(Hitch("mail", drop=True))
    at.email.put(ANN, DOWN, None, "k2")
    assert len(at.ann()) == 2
    assert at.state.connections == 2


# ---- encryption and signing in


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_out_encrypted_and_signed_in(trusted, security):
    with office(trusted.server) as at:
        at.state.auth_required = True
        port = at.box.smtp_port if security == "starttls" else at.box.smtps_port
        told = smtp(at.box, port=port, security=security, ca=trusted.file, user=OURS, password=PASSWORD)
        at.again(smtp=told).put(ANN, DOWN, None, "k1")
        assert [mail.subject for mail in at.ann()] == ["[OPS-1] Checkout is down"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_replies_are_read_encrypted(trusted, security):
    with office(trusted.server) as at:
        at.email.put(ANN, DOWN, None, "k1")
        at.people.reply(at.ann()[0], ANN, "I look at it")
        port = at.box.imap_port if security == "starttls" else at.box.imaps_port
        email = at.again(imap=imap(at.box, port=port, security=security, ca=trusted.file))
        assert [command.args for command in at.hear(email)] == [{"text": "I look at it"}]


def test_the_connector_is_imported_without_the_standard_librarys_email_being_shadowed():
    code = "import email.message, connectors.email; print(email.message.__file__, connectors.email.Email.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "connectors" not in done.stdout.split()[0]


def test_reading_its_settings_imports_nothing_that_speaks(at):
    code = (
        "import sys, connectors.email; print([m for m in ('smtplib', 'imapclient', 'msal', 'nh3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_graph_sends_the_same_mail():
    with office(smtp=None, imap=None, graph=graph) as at:
        ref = at.email.put(ANN, DOWN, None, "k1")
        (mail,) = at.ann()
        assert (mail.id, mail.subject) == (ref, "[OPS-1] Checkout is down")
        assert mail.references != ()
        assert [part.kind for part in mail.parts] == ["text/plain", "text/html"]
        at.email.put(ANN, DOWN, None, "k2")
        assert at.box.graph.tokens == 1
