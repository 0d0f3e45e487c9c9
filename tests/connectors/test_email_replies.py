"""Replies: whose ticket, whose words, what they ask for; and everything that is not from a person means nothing."""

import logging
from email.message import EmailMessage
from threading import Event

import pytest

from connectors.email.replies import Reader, own_words
from connectors.email.senders import verified
from connectors.email.threads import Threads
from connectors.errors import Denied, Missing, Refused, Temporary
from connectors.model import Command, Message, User
from sandbox.http import Fault
from sandbox.mail import Hitch
from sandbox.mail.people import Letter
from tests.connectors.faults import UNHURRIED
from tests.connectors.post_office import ANN, DOWN, MX, NOW, OURS, PASSED, PASSWORD, graph, imap, office

WRITTEN = f"Ann Example <{ANN}>"


@pytest.fixture
def at():
    with office(trust=MX) as made:
        made.email.put(ANN, DOWN, None, "k1")
        made.mail = made.ann()[0]
        yield made


def reply(at, text, **headers):
    return at.people.reply(at.mail, WRITTEN, Letter(text, headers={k.replace("_", "-"): v for k, v in headers.items()}))


def test_a_reply_is_a_comment_on_its_ticket_in_that_persons_name(at):
    sent = reply(at, "I look at it.\n\nIt is the disk.")
    (command,) = at.hear()
    assert command.ref == "10001"
    assert (command.verb, dict(command.args)) == ("comment", {"text": "I look at it.\n\nIt is the disk."})
    assert command.by == User(ANN, "Ann Example", ANN)
    assert (command.source, command.at) == ("email", NOW)
    assert sent.id in command.reply
    assert len(command.id) < 40, "it is kept on the ticket"


def test_a_reply_is_read_once_and_marked(at):
    reply(at, "hello")
    assert len(at.hear()) == 1
    assert [mail.seen for mail in at.state.inbox(OURS)] == [True]
    assert at.hear() == at.hear(at.again()) == []


def test_a_reply_is_not_marked_before_it_is_carried_out(at):
    reply(at, "hello")
    first = at.hear(done=False)
    assert [mail.seen for mail in at.state.inbox(OURS)] == [False]
    again = at.hear(at.again())
    assert [command.id for command in again] == [first[0].id], "a crash in between doubles nothing: it is the same act"
    assert [mail.seen for mail in at.state.inbox(OURS)] == [True]


def test_a_mail_in_hand_is_not_handed_on_twice(at):
    reply(at, "hello")
    assert len(at.hear(done=False)) == 1


def test_what_was_carried_out_can_move_to_a_folder(at):
    reply(at, "hello")
    assert len(at.hear(at.again(imap=imap(at.box, done="Done")))) == 1
    assert at.state.inbox(OURS) == []
    assert [mail.seen for mail in at.state.mailbox(OURS).folder("Done")] == [True]


VERBS = [
    ("acknowledge", "acknowledge", {}),
    ("Acknowledge.\n\nI am on it", "acknowledge", {}),
    ("ACK", "acknowledge", {}),
    ("take", "take", {}),
    ("resolve!", "resolve", {}),
    ("severity\nhigh", "severity", {"level": "high"}),
    ("update\nWe fail over.\nBack at ten.", "update", {"text": "We fail over.\nBack at ten."}),
    ("handover\npoc\ntom", "handover", {"role": "poc", "person": "tom"}),
    ("handover\npoc", "handover", {"role": "poc"}),
    ("hold", "hold", {}),
    ("Take a look at this", "comment", {"text": "Take a look at this"}),
    ("hold on a second", "comment", {"text": "hold on a second"}),
    ("update: it is back", "comment", {"text": "update: it is back"}),
    ("I will\nresolve", "comment", {"text": "I will\nresolve"}),
]


@pytest.mark.parametrize(("text", "verb", "args"), VERBS, ids=[row[0][:20] for row in VERBS])
def test_a_first_line_that_is_a_verb_and_nothing_else_asks_for_it(at, text, verb, args):
    reply(at, text, **PASSED)
    (command,) = at.hear()
    assert (command.verb, dict(command.args)) == (verb, args)


# ---- whom to believe


@pytest.mark.parametrize(
    "headers", [{}, {"Authentication-Results": "other.example; dmarc=pass header.from=example.org"}]
)
def test_nothing_is_changed_for_a_sender_whom_nobody_verified(at, headers):
    reply(at, "resolve", **headers)
    reply(at, "a comment is fine", **headers)
    assert [command.verb for command in at.hear()] == ["comment"]
    (told,) = at.ann()[1:]
    assert "Nothing was done: resolve cannot be asked for by e-mail here" in told.text
    assert told.header("Auto-Submitted") == "auto-replied"
    assert all(mail.seen for mail in at.state.inbox(OURS))


VERDICTS = [
    ("dmarc passes", f"{MX}; dmarc=pass header.from=example.org", "pass"),
    ("dkim of the same domain", f"{MX}; dkim=pass header.d=example.org", "pass"),
    ("dkim of the domain above", f"{MX} 1; dkim=pass (2048-bit) header.i=@example.org header.s=x", "pass"),
    ("spf of the same domain", f"{MX}; spf=pass smtp.mailfrom=ann@example.org", "pass"),
    ("dkim of somebody else", f"{MX}; dkim=pass header.d=evil.example", "none"),
    ("dmarc fails", f"{MX}; dmarc=fail header.from=example.org; dkim=pass header.d=example.org", "fail"),
    ("spf fails", f"{MX}; spf=fail smtp.mailfrom=example.org", "fail"),
    ("spf nearly fails", f"{MX}; spf=softfail smtp.mailfrom=example.org", "fail"),
    (
        "spf fails after forwarding, dkim holds",
        f"{MX}; spf=fail smtp.mailfrom=x.y; dkim=pass header.d=example.org",
        "pass",
    ),
    ("nothing found", f"{MX}; none", "none"),
    ("said in a comment", f"{MX}; none (dmarc=pass header.from=example.org)", "none"),
    (
        "said in a sender's own name",
        f'{MX}; spf=pass smtp.mailfrom="a; dkim=pass header.d=example.org"@evil.example',
        "none",
    ),
    ("said beside a method", f"{MX}; spf=pass smtp.mailfrom=a@evil.example dkim=pass header.d=example.org", "none"),
    ("a bracket in a comment", f"{MX}; spf=pass (of a\\) dkim=pass header.d=example.org) smtp.mailfrom=x.y", "none"),
    ("a comment in a comment", f"{MX}; spf=none (a (b) ; dkim=pass header.d=example.org )", "none"),
    ("a quote in a comment", f'{MX}; x=y (a"b) z="; dkim=pass header.d=example.org ;"', "none"),
    ("quoted", f'{MX}; dkim=pass reason="good; signature" header.d="example.org"', "pass"),
    ("another server", "evil.example; dmarc=pass header.from=example.org", "none"),
    ("our name in a comment", f"evil.example ({MX}); dmarc=pass header.from=example.org", "none"),
    ("nothing at all", "", "none"),
]


@pytest.mark.parametrize(("why", "header", "verdict"), VERDICTS, ids=[row[0] for row in VERDICTS])
def test_only_what_our_own_mail_server_found_counts(why, header, verdict):
    message = EmailMessage()
    message["From"] = WRITTEN
    if header:
        message["Authentication-Results"] = header
    assert verified(message, MX) == verdict, why
    assert verified(message, "") == "none"


EXCHANGE = (
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.org; dkim=none (message not signed) header.d=none;"
    "dmarc=pass action=none header.from=example.org;compauth=pass reason=100"
)


def test_exchange_online_names_no_server_and_is_believed_only_where_it_is_trusted():
    message = EmailMessage()
    message["From"] = WRITTEN
    message["Authentication-Results"] = EXCHANGE
    assert (verified(message, "microsoft"), verified(message, MX)) == ("pass", "none")
    spoofed = EmailMessage()
    spoofed["From"] = WRITTEN
    spoofed["Authentication-Results"] = EXCHANGE.replace("dmarc=pass action=none", "dmarc=fail action=quarantine")
    spoofed["Authentication-Results"] = EXCHANGE
    assert verified(spoofed, "microsoft") == "fail"


def test_a_pass_that_the_sender_wrote_below_our_servers_word_does_not_count():
    message = EmailMessage()
    message["From"] = WRITTEN
    message["Authentication-Results"] = f"{MX}; none"
    message["Authentication-Results"] = f"{MX}; dmarc=pass header.from=example.org"
    assert verified(message, MX) == "none"
    message["Authentication-Results"] = f"{MX}; dmarc=fail header.from=example.org"
    assert verified(message, MX) == "fail"


def test_who_is_not_whom_they_say_is_not_read(at, caplog):
    caplog.set_level(logging.INFO)
    reply(at, "a comment", Authentication_Results=f"{MX}; dmarc=fail header.from=example.org")
    assert at.hear() == []
    assert at.ann()[1:] == []
    assert f"{MX} says that it is not from whom it says" in caplog.text


def test_the_key_in_the_subject_counts_only_for_a_verified_sender(at):
    told = {"subject": "Fwd: [OPS-7] disk", "text": "It is full"}
    at.people.write(WRITTEN, OURS, Letter(**told, headers=PASSED))
    at.people.write(WRITTEN, OURS, Letter(**told))
    at.people.write(WRITTEN, OURS, Letter("no ticket", subject="hello", headers=PASSED))
    assert [(command.ref, command.verb) for command in at.hear()] == [("OPS-7", "comment")]


def test_nobody_can_make_up_a_ticket_that_they_were_not_told_of(at):
    other = at.again(secret="another-secret-of-16-chars")
    other.put(ANN, DOWN, None, "k1")
    forged = at.ann()[-1]
    at.people.reply(forged, WRITTEN, "I guess")
    changed = at.mail.id.replace("t-geydambr", "t-geydamjr")
    assert changed != at.mail.id
    at.people.write(WRITTEN, OURS, Letter("I guess", headers={"In-Reply-To": changed}))
    assert at.hear() == []


def test_an_id_survives_servers_that_change_its_case(at):
    at.people.write(WRITTEN, OURS, Letter("hello", headers={"References": at.mail.id.upper()}))
    assert [command.ref for command in at.hear()] == ["10001"]


# ---- what is not from a person

MACHINES = [
    ("out of office", {"Auto-Submitted": "auto-replied"}),
    ("generated", {"Auto-Submitted": "auto-generated; x=y"}),
    ("bulk", {"Precedence": "bulk"}),
    ("junk", {"Precedence": "junk"}),
    ("list", {"Precedence": "list"}),
    ("a mailing list", {"List-Id": "<x.example.org>"}),
    ("a newsletter", {"List-Unsubscribe": "<https://x.example/u>"}),
    ("Exchange's own", {"X-Auto-Response-Suppress": "All"}),
    ("an old responder", {"X-Autoreply": "yes"}),
    ("returned", {"Return-Path": "<>"}),
    ("mailer-daemon", {"From": "Mail Delivery <MAILER-DAEMON@mx.example.org>"}),
    ("postmaster", {"From": "postmaster@example.org"}),
    ("no-reply", {"From": "no-reply@example.org"}),
    ("a bounce address", {"From": "bounces+123=x@example.org"}),
    ("ourselves", {"From": f"Pointman <{OURS}>"}),
    ("ourselves in capitals", {"From": OURS.upper()}),
    ("nobody", {"From": ""}),
]


@pytest.mark.parametrize(("why", "headers"), MACHINES, ids=[row[0] for row in MACHINES])
def test_what_a_machine_sent_is_neither_carried_out_nor_answered(at, why, headers):
    at.people.reply(at.mail, WRITTEN, Letter("hello", headers={**PASSED, **headers}))
    before = {name: len(box.mails) for name, box in at.state.mailboxes.items()}
    assert at.hear() == [], why
    assert {name: len(box.mails) for name, box in at.state.mailboxes.items()} == before, why
    assert all(mail.seen for mail in at.state.inbox(OURS)), "and it is not looked at again"


SPOOFS = [
    (f'"{ANN}" <eve@evil.example>', "eve@evil.example"),
    ("=?utf-8?q?Ann_=3Cann=40example=2Eorg=3E?= <eve@evil.example>", "eve@evil.example"),
    (f"({ANN}) eve@evil.example", "eve@evil.example"),
    (f"{ANN} <eve@evil.example>", ""),
    (f"{ANN}, eve@evil.example", ""),
    (f"Friends: {ANN}, eve@evil.example;", ""),
    (f"<{ANN}>\x00 <eve@evil.example>", ""),
    ("undisclosed", ""),
    ("", ""),
]


@pytest.mark.parametrize(("header", "sender"), SPOOFS, ids=[row[0][:30] for row in SPOOFS])
def test_a_name_that_looks_like_an_address_is_nobodys_address(at, header, sender):
    raw = f"From: {header}\r\nIn-Reply-To: {at.mail.id}\r\n\r\nhello\r\n".encode()
    at.state.deliver("eve@evil.example", [OURS], raw)
    assert [command.by.email for command in at.hear()] == ([sender] if sender else [])


def test_our_own_mail_that_comes_back_means_nothing(at):
    at.state.deliver(
        ANN, [OURS], at.mail.raw.replace(b"From: Pointman", b"From: Someone <s@example.org>\r\nX-Was: Pointman")
    )
    assert at.hear() == []


def test_a_delivery_report_means_nothing(at):
    raw = (
        f"From: {ANN}\r\nTo: {OURS}\r\nIn-Reply-To: {at.mail.id}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nfailed\r\n--b--\r\n"
    )
    at.state.deliver("", [OURS], raw.encode())
    assert at.hear() == []


def test_two_machines_that_answer_each_other_are_stopped(at, caplog):
    email = at.again(most=3)
    for n in range(6):
        reply(at, f"hello {n}")
    assert len(at.hear(email)) == 3
    assert f"too many from {ANN} in ten minutes" in caplog.text
    assert all(mail.seen for mail in at.state.inbox(OURS))
    reply(at, "again")
    at.later(minutes=11)
    assert len(at.hear(at.again(most=3))) == 1


ODD = [
    b"", b"\r\n", b"no header at all", b"From: a@b.c\r\n" * 1000, b"\xff\xfe\x00" * 100,
    b"From: =?utf-8?q?=ff?= <a@b.c>\r\nSubject: =?x?\r\nContent-Type: text/plain; charset=none-such\r\n\r\n\xff",
    b"From: a@b.c\r\nContent-Type: multipart/mixed\r\n\r\n--x", b"From: a@b.c, d@e.f\r\n\r\nx",
    b"From: a@b.c\r\nDate: never\r\nMessage-ID: none\r\nReferences: <\r\n\r\nx",
]  # fmt: skip


@pytest.mark.parametrize("raw", ODD, ids=range(len(ODD)))
def test_whatever_comes_in_is_read_without_a_fault(at, raw):
    at.state.deliver("x@example.org", [OURS], raw)
    token = f"In-Reply-To: {at.mail.id}\r\n".encode()
    at.state.deliver("x@example.org", [OURS], token + raw)
    for command in at.hear():
        assert command.verb == "comment"
    assert all(mail.seen for mail in at.state.inbox(OURS))


# ---- somebody's own words

TEXTS = [
    ("a signature", "It is up.\n\n-- \nAnn\nExample Inc.", "It is up."),
    ("a telephone's", "It is up.\n\nSent from my iPhone", "It is up."),
    ("a farewell", "It is up.\n\nBest regards,\nAnn", "It is up."),
    ("a farewell in German", "Es geht.\n\nViele Grüße\nAnn", "Es geht."),
    ("thanks that go on", "It is up.\nThanks, it was the disk.", "It is up.\nThanks, it was the disk."),
    ("a list", "Done:\n- one\n- two", "Done:\n- one\n- two"),
    ("German quoting", "Danke\n\nAm 23.11.2026 um 10:00 schrieb P <p@x.org>:\n\n> a\n", "Danke"),
    (
        "Outlook",
        "ok\n\n________________________________\nFrom: P <p@x.org>\nSent: Monday\nTo: A\nSubject: x\n\na",
        "ok",
    ),
    ("Outlook in German", "ok\n\nVon: P <p@x.org>\nGesendet: Montag\nAn: A\nBetreff: x\n\na", "ok"),
    ("only a quotation", "> a\n> b", ""),
    ("a long line", "x" * 5_000, "x" * 5_000),
]


@pytest.mark.parametrize(("why", "text", "words"), TEXTS, ids=[row[0] for row in TEXTS])
def test_quotations_and_signatures_are_left_out(why, text, words):
    message = EmailMessage()
    message.set_content(text)
    assert own_words(message, ("en", "de")) == words


HTML = [
    ("paragraphs", "<p>Looks <b>good</b></p><p>Really</p>", "Looks good\n\nReally"),
    ("line ends", "a<br>b<div>c</div>", "a\nb\nc"),
    ("Gmail", '<div>ok</div><div class="gmail_quote">On x wrote:<blockquote>old</blockquote></div>', "ok"),
    ("Outlook", '<div>ok</div><div id="divRplyFwdMsg">From: x</div><div>old</div>', "ok"),
    ("no text", "<style>p{}</style><script>alert(1)</script><img src='https://x.example/y'>hi", "hi"),
    ("entities", "a &lt;b&gt; &amp; c", "a <b> & c"),
]


@pytest.mark.parametrize(("why", "html", "words"), HTML, ids=[row[0] for row in HTML])
def test_a_mail_that_is_only_html_is_turned_into_text(why, html, words):
    message = EmailMessage()
    message.set_content(html, subtype="html")
    assert own_words(message, ("en",)) == words


@pytest.mark.parametrize("piece", ["> ", "\n", "-\n", "On ", "_", " \n", "From: a\n", "On Mon\n", "(,", "Am "])
def test_a_text_made_to_take_for_ever_does_not(piece):
    message = EmailMessage()
    message.set_content(piece * (20_000 // len(piece)))
    from time import thread_time

    before = thread_time()
    own_words(message, ("en", "de", "fr", "es", "it", "nl"))
    assert thread_time() - before < 2, "the library's patterns alone take a minute"


BOMBS = {
    "fields of the head": b"Content-Type: text/plain; " + b"a=b;" * 12_000 + b"\r\n\r\nx",
    "fields of a part": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain; " + b"a=b;\r\n " * 60_000 + b"\r\n\r\nx\r\n--b--",
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_mail_made_to_take_for_ever_is_put_aside(at, bomb):
    from time import thread_time

    reader = Reader("email", OURS, Threads("secret", "example.org"))
    raw = f"From: {ANN}\r\nIn-Reply-To: {at.mail.id}\r\n".encode() + bomb
    before = thread_time()
    told = reader.read(raw)
    assert thread_time() - before < 1
    assert (told.command, told.why) == (None, "it has too many parts, or one that says too much of what it is")


# ---- answers


def command(at):
    reply(at, "hello")
    return at.hear()[0]


def test_an_answer_goes_to_that_person_alone_in_the_same_thread(at):
    asked = command(at)
    at.email.answer(asked, "Your comment is on **OPS-1**.")
    (told,) = at.ann()[1:]
    assert (told.to, told.subject) == ((ANN,), "Re: [OPS-1] Checkout is down")
    assert told.header("In-Reply-To") == at.state.inbox(OURS)[0].id
    assert told.text == "Your comment is on OPS-1.\n"
    assert len(at.state.threads(ANN)) == 1


def test_a_mail_is_answered_once(at):
    asked = command(at)
    at.email.answer(asked, "one")
    at.email.answer(asked, "two")
    assert [mail.text for mail in at.ann()[1:]] == ["one\n"]
    at.again().answer(asked, "three")
    assert len({mail.id for mail in at.ann()[1:]}) == 1, "after a crash the mail program shows it once"


def test_an_answer_without_an_address_is_refused(at):
    with pytest.raises(Refused, match="no address for an answer"):
        at.email.answer(Command("1", "take", User(ANN), "email"), "hello")


# ---- mailboxes that do not open


def listened(at, email):
    email.listen(lambda signal: None, Event())


BOXES = [
    ("a wrong password", {"password": "wrong"}, None, Denied, "does not let us sign in"),
    ("no such folder", {"folder": "Nope"}, None, Missing, "no such folder"),
    ("nobody there", {"port": 9}, None, Temporary, "no connection"),
    ("hung up on", {}, Hitch("imap", drop=True, to="UID"), Temporary, "could not read the folder INBOX"),
    ("no", {}, Hitch("imap", "NO not now", to="UID"), Temporary, "an answer that is an error"),
    ("bad", {}, Hitch("imap", "BAD what", to="NOOP"), Temporary, "an answer that is an error"),
    ("garbage", {}, Hitch("imap", "?? ??", drop=False, to="LOGIN"), Temporary, ""),
]


@pytest.mark.parametrize(("why", "settings", "hitch", "error", "said"), BOXES, ids=[row[0] for row in BOXES])
def test_a_mailbox_that_does_not_open_says_why(at, why, settings, hitch, error, said):
    if hitch is not None:
        at.state.hitch(hitch)
    email = at.again(imap=imap(at.box, **settings), timeout=1 if why == "garbage" else UNHURRIED)
    with pytest.raises(error) as raised:
        listened(at, email)
    assert said in str(raised.value), why
    assert PASSWORD not in str(raised.value)


def test_a_reply_is_heard_after_the_mailbox_was_away(at):
    reply(at, "hello")
    at.state.hitch(Hitch("imap", drop=True, to="UID FETCH"))
    with pytest.raises(Temporary):
        listened(at, at.email)
    assert len(at.hear()) == 1


def test_without_a_mailbox_there_is_nothing_to_listen_to(at):
    given = {name: value for name, value in at.given.items() if name != "imap"}
    from tests.connectors.post_office import connector

    email = connector(at.box, given)
    listened(at, email)
    email.close()


# ---- the same through Graph


def test_replies_are_read_through_graph():
    with office(smtp=None, imap=None, graph=graph, trust=MX) as at:
        at.email.put(ANN, DOWN, None, "k1")
        for n in range(12):
            at.people.reply(at.ann()[0], WRITTEN, Letter(f"hello {n}", headers=PASSED))
        at.box.server.fail(Fault(lambda asked: asked.path.endswith("$value"), drop=True))
        got = at.hear()
        assert sorted(c.args["text"] for c in got) == sorted(f"hello {n}" for n in range(12)), "a page and the next"
        assert all(mail.seen for mail in at.state.inbox(OURS))
        assert at.hear(at.again()) == []


def test_a_list_message_carries_no_ticket_and_is_answered_by_nobody(at):
    at.email.put(ANN, Message("several"), None, "k9")
    at.people.reply(at.ann()[-1], WRITTEN, Letter("which one?", headers=PASSED))
    assert at.hear() == []
