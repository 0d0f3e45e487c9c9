"""The mail server in a box speaks as real ones do: to smtplib, to imapclient, to Graph's document, and to people."""

import base64
import json
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.mail import Hitch, Mail, MailSandbox
from sandbox.mail.people import Letter
from tests.connectors.contracts import vendor

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OURS, ANN = "pointman@example.org", "ann@example.org"
HTML = '<a class="x" href="https://x.example/?a=1&amp;b=2">Go <b>on</b></a>'
HELLO = (
    f"From: Pointman <{OURS}>\r\nTo: {ANN}\r\nSubject: Hello =?utf-8?q?=C3=BC?=\r\nMessage-ID: <1@example.org>\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain\r\n\r\none\r\n..two\r\n"
    f"--b\r\nContent-Type: text/html\r\n\r\n{HTML}\r\n--b--\r\n"
).encode()


@pytest.fixture
def box() -> Iterator[MailSandbox]:
    with MailSandbox(Clock(NOW, speed=0)) as made:
        made.state.account(OURS, "password")
        yield made


def send(box: MailSandbox, raw: bytes = HELLO, to: tuple[str, ...] = (ANN,)) -> None:
    with smtplib.SMTP("127.0.0.1", box.smtp_port, timeout=5) as talk:
        talk.sendmail(OURS, to, raw)


def test_a_mail_arrives_as_it_was_sent_with_its_parts_and_links(box: MailSandbox) -> None:
    send(box, to=(ANN, "bob@example.org"))
    (mail,) = box.state.inbox(ANN)
    assert (mail.subject, mail.author, mail.id, mail.at) == ("Hello ü", ("Pointman", OURS), "<1@example.org>", NOW)
    assert [part.kind for part in mail.parts] == ["text/plain", "text/html"]
    assert mail.text == "one\n..two"
    assert [(link.label, link.url) for link in mail.links] == [("Go on", "https://x.example/?a=1&b=2")]
    assert mail.to == (ANN, "bob@example.org")
    assert len(box.state.inbox("bob@example.org")) == 1
    assert [each.folder for each in box.state.mailbox(OURS).mails] == ["Sent"]


def test_threads_are_by_what_mails_refer_to(box: MailSandbox) -> None:
    send(box)
    box.state.clock.advance(timedelta(minutes=1))
    send(box, HELLO.replace(b"<1@", b"<2@").replace(b"MIME-", b"References: <1@example.org>\r\nMIME-", 1))
    box.state.clock.advance(timedelta(minutes=1))
    send(box, HELLO.replace(b"<1@", b"<3@"))
    told = [(thread.root, len(thread.mails)) for thread in box.state.threads(ANN)]
    assert told == [("<1@example.org>", 2), ("<3@example.org>", 1)]


def test_strangers_are_refused_where_it_is_strict(box: MailSandbox) -> None:
    box.state.strict = True
    box.state.mailbox(ANN)
    send(box)
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="no such user"):
        send(box, to=("nobody@example.org",))


def test_nobody_sends_without_signing_in_where_that_is_asked_for(box: MailSandbox) -> None:
    box.state.auth_required = True
    with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
        send(box)
    with smtplib.SMTP("127.0.0.1", box.smtp_port, timeout=5) as talk:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            talk.login(OURS, "wrong")
        talk.login(OURS, "password")
        talk.sendmail(OURS, [ANN], HELLO)
    assert len(box.state.inbox(ANN)) == 1


@pytest.mark.parametrize(
    ("hitch", "raised", "arrived"),
    [
        (Hitch("connect", "421 busy"), smtplib.SMTPConnectError, 0),
        (Hitch("rcpt", "451 later", to=ANN), smtplib.SMTPRecipientsRefused, 0),
        (Hitch("end", "550 spam"), smtplib.SMTPDataError, 0),
        (Hitch("end", drop=True), smtplib.SMTPServerDisconnected, 0),
        (Hitch("end", drop=True, done=True), smtplib.SMTPServerDisconnected, 1),
    ],
)
def test_what_goes_wrong_does_so_as_asked_and_once(
    box: MailSandbox, hitch: Hitch, raised: type[Exception], arrived: int
) -> None:
    box.state.hitch(hitch)
    with pytest.raises(raised):
        send(box)
    assert len(box.state.inbox(ANN)) == arrived
    send(box)
    assert len(box.state.inbox(ANN)) == arrived + 1


def test_a_hitch_for_somebody_else_hits_nobody(box: MailSandbox) -> None:
    box.state.hitch(Hitch("rcpt", "451 later", to="bob@example.org"))
    send(box)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(box, to=("bob@example.org",))
    box.state.hitch(Hitch("rcpt", "451 later"))
    box.state.heal()
    send(box)


@pytest.fixture
def client(box: MailSandbox) -> Iterator[IMAPClient]:
    made = IMAPClient("127.0.0.1", box.imap_port, ssl=False, timeout=5)
    made.login(OURS, "password")
    yield made
    made.logout()


def test_a_mailbox_is_read_and_marked_over_imap(box: MailSandbox, client: IMAPClient) -> None:
    for _ in range(3):
        send(box, to=(OURS,))
    told = client.select_folder("inbox")
    assert told[b"EXISTS"] == 3
    first, second, third = client.search(["UNSEEN"])
    raw = client.fetch([first], ["BODY.PEEK[]"])[first][b"BODY[]"]
    assert raw == box.state.inbox(OURS)[0].raw
    assert client.fetch([first], ["BODY.PEEK[]<0.10>"])[first][b"BODY[]<0>"] == raw[:10]
    assert client.search(["UNSEEN"]) == [first, second, third], "peeking marks nothing"
    client.fetch([second], ["BODY[]"])
    client.add_flags([first], [b"\\Seen"], silent=True)
    assert client.search(["UNSEEN"]) == [third]
    client.move([first, third], "Done")
    assert client.search(["ALL"]) == [second]
    assert client.fetch([second], ["FLAGS"])[second][b"FLAGS"] == (b"\\Seen",)
    assert client.folder_exists("Done")
    assert not client.folder_exists("Nope")


def test_what_imap_refuses_it_refuses_as_servers_do(box: MailSandbox, client: IMAPClient) -> None:
    with pytest.raises(IMAPClientError, match="no folder Nope"):
        client.select_folder("Nope")
    send(box, to=(OURS,))
    client.select_folder("INBOX", readonly=True)
    with pytest.raises(IMAPClientError, match="reading only"):
        client.add_flags(client.search(["ALL"]), [b"\\Seen"])
    other = IMAPClient("127.0.0.1", box.imap_port, ssl=False, timeout=5)
    with pytest.raises(LoginError):
        other.login(OURS, 'wrong"\\ password')
    other.logout()


# ---- Graph


def asked(box: MailSandbox, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    told = {"authorization": f"Bearer {box.graph.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    path, _, query = path.partition("?")
    from urllib.parse import parse_qsl

    return box.graph.handle(Asked(method, path, dict(parse_qsl(query)), told, body))


def test_graph_sends_json_as_its_document_says(box: MailSandbox) -> None:
    message = {
        "subject": "Hello",
        "body": {"contentType": "Text", "content": "hi"},
        "toRecipients": [{"emailAddress": {"address": ANN}}],
    }
    body = json.dumps({"message": message, "saveToSentItems": True}).encode()
    answer = asked(box, "POST", f"/v1.0/users/{OURS}/sendMail", body, content_type="application/json")
    assert answer.status == 202
    assert [mail.subject for mail in box.state.inbox(ANN)] == ["Hello"]
    contract = vendor("microsoft/graph-v1.json")
    contract.check(Asked("POST", f"/v1.0/users/{OURS}/sendMail", {}, {"content-type": "application/json"}, body))


def test_graph_takes_mime_and_drops_the_headers_that_exchange_drops(box: MailSandbox) -> None:
    raw = HELLO.replace(b"MIME-", b"Auto-Submitted: auto-generated\r\nReferences: <0@x>\r\nMIME-", 1)
    sent = base64.b64encode(raw)
    assert asked(box, "POST", f"/v1.0/users/{OURS}/sendMail", sent, content_type="text/plain").status == 202
    (mail,) = box.state.inbox(ANN)
    assert (mail.id, mail.references, mail.header("Auto-Submitted")) == ("<1@example.org>", ("<0@x>",), "")
    assert asked(box, "POST", f"/v1.0/users/{OURS}/sendMail", b"no base64", content_type="text/plain").status == 400
    nobody = base64.b64encode(b"Subject: x\r\n\r\n")
    assert asked(box, "POST", f"/v1.0/users/{OURS}/sendMail", nobody, content_type="text/plain").status == 400


def test_graph_lists_what_is_unread_a_page_at_a_time(box: MailSandbox) -> None:
    for n in range(12):
        box.people.write(ANN, OURS, Letter("hi", subject=str(n)))
    first = asked(box, "GET", f"/v1.0/users/{OURS}/mailFolders/inbox/messages?$filter=isRead eq false", host="h")
    assert [each["subject"] for each in first.body["value"]] == [str(n) for n in range(10)]
    link = first.body["@odata.nextLink"].partition("//h")[2]
    second = asked(box, "GET", link, host="h")
    assert [each["subject"] for each in second.body["value"]] == ["10", "11"]
    ident = second.body["value"][0]["id"]
    raw = asked(box, "GET", f"/v1.0/users/{OURS}/messages/{ident}/$value").body
    assert raw == box.state.inbox(OURS)[10].raw
    assert asked(box, "PATCH", f"/v1.0/users/{OURS}/messages/{ident}", b'{"isRead": true}').body["isRead"] is True
    assert len(asked(box, "GET", link, host="h").body["value"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/v1.0/users/{OURS}/mailFolders/nope", 404),
        ("GET", f"/v1.0/users/{OURS}/messages/99", 404),
        ("GET", "/v1.0/users/nobody@example.org/messages/1", 404),
        ("GET", "/v1.0/nonsense", 400),
    ],
)
def test_graph_says_what_is_not_there(box: MailSandbox, method: str, path: str, status: int) -> None:
    answer = asked(box, method, path)
    assert answer.status == status
    assert answer.body["error"]["code"]
    assert box.graph.handle(Asked(method, path)).status == 401


# ---- people


def test_somebody_answers_as_mail_programs_do(box: MailSandbox) -> None:
    send(box)
    mail = box.state.inbox(ANN)[0]
    answer = box.people.reply(mail, f"Ann <{ANN}>", "thanks")
    assert (answer.subject, answer.references) == ("Re: Hello ü", ("<1@example.org>",))
    assert answer.text.startswith("thanks\n\nOn Mon")
    assert "> one\n" in answer.text
    assert isinstance(answer, Mail)


def test_whoever_follows_a_link_without_a_form_presses_nothing(box: MailSandbox) -> None:
    page = requests.get(f"{box.server.url}/nothing", timeout=5)
    with pytest.raises(LookupError, match="has no form"):
        box.people.press(page)
