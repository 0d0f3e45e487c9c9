"""E-mail on a bad day: every answer of a mail server or of Graph has one meaning, and no mail is sent twice."""

import logging
import traceback
from datetime import timedelta
from email.utils import format_datetime

import pytest

from connectors.base import Wanted
from connectors.email.settings import Smtp
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Command, User
from sandbox.http import Answer, Fault
from sandbox.mail import Hitch
from tests.connectors.faults import UNHURRIED, doubtful, plain
from tests.connectors.post_office import ANN, DOWN, NOW, OURS, PASSWORD, SECRET, authority, graph, imap, office, smtp

PATIENCE = 0.6
"""Seconds that a call may take where an answer is late; elsewhere a busy machine is no fault."""


@pytest.fixture
def at():
    with office() as made:
        yield made


# why, hitch, error, in doubt, how many mails stand afterwards, what is said
SMTP = [
    ("busy", Hitch("connect", "421 4.3.2 try again"), Temporary, False, 0, "421 4.3.2 try again"),
    ("no service", Hitch("connect", "554 5.3.2 go away"), Denied, None, 0, "554 5.3.2 go away"),
    ("hung up on", Hitch("connect", drop=True), Temporary, False, 0, "the connection was lost"),
    ("silent", Hitch("connect", wait=2 * PATIENCE), Temporary, False, 0, "no answer in time"),
    ("closing", Hitch("ehlo", "421 bye"), Temporary, False, 0, "421 bye"),
    ("sender must wait", Hitch("mail", "451 4.3.0 local error"), Temporary, False, 0, "451 4.3.0 local error"),
    (
        "sign in first",
        Hitch("mail", "530 5.7.0 sign in"),
        Denied,
        None,
        0,
        "the sender pointman@example.org is refused",
    ),
    ("not your address", Hitch("mail", "553 5.7.1 not yours"), Denied, None, 0, "553 5.7.1 not yours"),
    ("grey list", Hitch("rcpt", "450 4.2.0 grey"), Temporary, False, 0, "450 4.2.0 grey"),
    ("local error", Hitch("rcpt", "451 4.7.1 later"), Temporary, False, 0, "451 4.7.1 later"),
    ("full", Hitch("rcpt", "452 4.2.2 mailbox full"), Refused, None, 0, "452 4.2.2 mailbox full"),
    ("no room at all", Hitch("rcpt", "452 4.3.1 no disk"), Temporary, False, 0, "452 4.3.1"),
    ("nobody there", Hitch("rcpt", "550 5.1.1 unknown"), Missing, None, 0, "there is no such mailbox"),
    ("nobody, in few words", Hitch("rcpt", "550 no"), Missing, None, 0, "550 no; there is no such mailbox"),
    ("no mail for there", Hitch("rcpt", "556 5.1.10 null mx"), Missing, None, 0, "556 5.1.10"),
    ("forbidden", Hitch("rcpt", "550 5.7.1 policy"), Refused, None, 0, "550 5.7.1 policy"),
    ("relaying", Hitch("rcpt", "554 5.7.1 relay denied"), Refused, None, 0, "554 5.7.1 relay denied"),
    ("lost at the recipient", Hitch("rcpt", drop=True), Temporary, False, 0, "before anything was sent"),
    ("silent at the recipient", Hitch("rcpt", wait=2 * PATIENCE), Temporary, False, 0, "before anything was sent"),
    ("no data now", Hitch("data", "451 4.3.0 no disk"), Temporary, False, 0, "451 4.3.0 no disk"),
    ("no data", Hitch("data", "554 5.6.0 no"), Refused, None, 0, "554 5.6.0 no"),
    ("lost at the data", Hitch("data", drop=True), Temporary, False, 0, "before anything was sent"),
    ("not now", Hitch("end", "451 4.7.1 later"), Temporary, False, 0, "451 4.7.1 later"),
    ("closing after it", Hitch("end", "421 4.3.0 closing"), Temporary, False, 0, "421 4.3.0 closing"),
    ("content refused", Hitch("end", "550 5.7.1 spam"), Refused, None, 0, "550 5.7.1 spam"),
    ("too large", Hitch("end", "552 5.3.4 too big"), Refused, None, 0, "552 5.3.4 too big"),
    ("lost before it was taken", Hitch("end", drop=True), Temporary, True, 0, "it may have been taken"),
    ("lost after it was taken", Hitch("end", drop=True, done=True), Temporary, True, 1, "it may have been taken"),
    ("late before", Hitch("end", drop=True, wait=2 * PATIENCE), Temporary, True, 0, "no answer in time"),
    ("late after", Hitch("end", done=True, wait=2 * PATIENCE), Temporary, True, 1, "no answer in time"),
    ("garbage", Hitch("end", "what?", done=True), Temporary, True, 1, "no answer that can be read"),
]


@pytest.mark.parametrize(("why", "hitch", "error", "in_doubt", "stand", "said"), SMTP, ids=lambda v: str(v)[:40])
def test_a_mail_on_a_bad_day(at, why, hitch, error, in_doubt, stand, said):
    email = at.again(timeout=PATIENCE) if hitch.wait else at.email
    at.state.hitch(hitch)
    with pytest.raises(ConnectorError, match=f"^could not send to email:{ANN}: ") as raised:
        email.put(ANN, DOWN, None, "k1")
    assert type(raised.value) is error, why
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert said in str(raised.value), why
    assert len(at.ann()) == stand, why
    at.email.put(ANN, DOWN, None, "k1")
    assert len(at.ann()) == stand + 1, "afterwards it works"
    assert len({mail.id for mail in at.ann()}) == 1, "and whoever got it twice sees it once"


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("answer", ["451 4.0.0 later", "550 5.7.1 no"])
def test_a_refusal_leaves_the_connection_fit_for_the_next_mail(at, stage, answer):
    at.email.put(ANN, DOWN, None, "k0")
    at.state.hitch(Hitch(stage, answer))
    if stage in {"mail", "rcpt"} and answer.startswith("4"):  # it may be a closing one: another is tried at once
        at.email.put(ANN, DOWN, None, "k1")
    else:
        with pytest.raises(ConnectorError):
            at.email.put(ANN, DOWN, None, "k1")
    at.email.put(ANN, DOWN, None, "k2")
    assert at.ann()[-1].id == at.again().put(ANN, DOWN, None, "k2")


def test_a_recipient_that_is_refused_stops_nobody_else(at):
    at.state.strict = True
    with pytest.raises(Missing):
        at.email.put("nobody@example.org", DOWN, None, "k1")
    at.email.put(ANN, DOWN, None, "k2")
    assert len(at.ann()) == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ("", Denied, "does not let pointman@example.org sign in (535)"),
        ("454 4.7.0 later", Temporary, "could not sign in: 454"),
        ("534 5.7.9 app password", Denied, "does not let pointman@example.org sign in (534)"),
    ],
)
def test_who_cannot_sign_in_is_denied(at, answer, error, said):
    if answer:
        at.state.hitch(Hitch("auth", answer, times=5))  # each way to sign in is tried
    email = at.again(smtp=smtp(at.box, user=OURS, password="wrong-password"))
    with pytest.raises(error) as raised:
        email.put(ANN, DOWN, None, "k1")
    assert said in str(raised.value)
    assert "wrong-password" not in str(raised.value)
    assert at.ann() == []


def test_nobody_there_leaves_no_doubt(at):
    email = at.again(smtp=smtp(at.box, port=9))
    with pytest.raises(Temporary, match=r"127.0.0.1:9: no connection") as raised:
        email.put(ANN, DOWN, None, "k1")
    assert raised.value.in_doubt is False


def test_a_server_that_offers_no_encryption_gets_no_mail(at):
    email = at.again(smtp=smtp(at.box, security="starttls"))
    with pytest.raises(Denied, match="offers no STARTTLS"):
        email.put(ANN, DOWN, None, "k1")
    email = at.again(smtp=smtp(at.box, security="tls"))
    with pytest.raises(Temporary, match="is security right for this port"):
        email.put(ANN, DOWN, None, "k1")
    assert at.state.talk == []


def test_a_certificate_that_nobody_trusts_gets_no_mail(tmp_path):
    with office(authority(tmp_path).server, timeout=UNHURRIED) as at:
        for security, port in (("starttls", at.box.smtp_port), ("tls", at.box.smtps_port)):
            email = at.again(smtp=smtp(at.box, security=security, port=port))
            with pytest.raises(Denied, match="its certificate is not trusted"):
                email.put(ANN, DOWN, None, "k1")
        assert at.ann() == []


@pytest.mark.parametrize("host", ["mail.example.org", "10.0.0.1"])
def test_plain_text_leaves_this_machine_only_where_the_settings_say_so(host):
    with pytest.raises(ValueError, match="plain = true"):
        Smtp(host=host, security="none")
    assert Smtp(host=host, security="none", plain=True).plain


# ---- Graph

DATE = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
GRAPH = [
    *plain(),
    *doubtful(PATIENCE),
    ("bad request", Fault(..., Answer(400, "no")), Refused, None, None, 0),
    ("unauthorised", Fault(..., Answer(401, "no")), Denied, None, None, 0),
    ("forbidden", Fault(..., Answer(403, "no")), Denied, None, None, 0),
    ("not found", Fault(..., Answer(404, "no")), Missing, None, None, 0),
    ("too large", Fault(..., Answer(413, "no")), Refused, None, None, 0),
    ("too many, in seconds", Fault(..., Answer(429, "", {"retry-after": "30"})), Temporary, False, 30, 0),
    ("too many, until a date", Fault(..., Answer(429, "", {"retry-after": DATE})), Temporary, False, ..., 0),
    ("a login page with 200", Fault(..., Answer(200, "<html>sign in</html>")), Temporary, True, None, 0),
    ("half an answer", Fault(..., Answer(200, '{"val'), done=True), Temporary, True, None, 1),
]


def aimed(fault, ending):
    return Fault(lambda asked: asked.path.endswith(ending), fault.answer, fault.done, fault.drop, fault.wait)


@pytest.fixture
def cloud():
    with office(smtp=None, imap=None, graph=graph) as made:
        yield made


@pytest.mark.parametrize(
    ("why", "fault", "error", "in_doubt", "retry_after", "stand"), GRAPH, ids=lambda v: str(v)[:40]
)
def test_a_mail_through_graph_on_a_bad_day(cloud, why, fault, error, in_doubt, retry_after, stand):
    email = cloud.again(timeout=PATIENCE) if fault.wait else cloud.email
    email.put(ANN, DOWN, None, "k0")  # there is a token
    before = cloud.box.server.requests
    cloud.box.server.fail(aimed(fault, "/sendMail"))
    with pytest.raises(ConnectorError, match=f"^could not send to email:{ANN}: ") as raised:
        email.put(ANN, DOWN, None, "k1")
    assert type(raised.value) is error, why
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    told = getattr(raised.value, "retry_after", None)
    assert retry_after is ... or told == retry_after, why
    assert "<html" not in str(raised.value), why
    assert cloud.box.server.requests == before + 1, "a mail is never sent again by itself"
    assert len(cloud.ann()) == 1 + stand, why


def test_graphs_own_reason_is_passed_on(cloud):
    with pytest.raises(Missing, match="ErrorInvalidUser: The requested user"):
        cloud.again(graph=graph(cloud.box, mailbox="nobody@example.org")).put(ANN, DOWN, None, "k1")


def test_without_a_token_nothing_was_sent(cloud):
    cloud.box.server.fail(Fault(lambda asked: asked.path.endswith("/token"), Answer(503, ""), times=5))
    with pytest.raises(Temporary) as raised:
        cloud.email.put(ANN, DOWN, None, "k1")
    assert raised.value.in_doubt is False
    wrong = cloud.again(graph=graph(cloud.box, client_secret="wrong-secret"))
    cloud.box.server.heal()
    with pytest.raises(Denied) as denied:
        wrong.put(ANN, DOWN, None, "k1")
    assert "wrong-secret" not in str(denied.value)
    assert cloud.ann() == []


def test_a_token_that_is_no_longer_taken_is_asked_for_anew(cloud):
    cloud.email.put(ANN, DOWN, None, "k1")
    cloud.box.graph.token = "another-token"
    with pytest.raises(Denied):
        cloud.email.put(ANN, DOWN, None, "k2")
    cloud.email.put(ANN, DOWN, None, "k2")
    assert len(cloud.ann()) == 2


def test_a_graph_that_answers_something_else_while_replies_are_read_is_heard_again_later(cloud):
    cloud.people.write(ANN, OURS, cloud_letter())
    cloud.box.server.fail(Fault(lambda asked: asked.path.endswith("/messages"), Answer(200, "<html>"), times=3))
    with pytest.raises(Temporary, match="the answer is not Graph's"):
        cloud.email.listen(lambda signal: None, stopped(False))


def cloud_letter():
    from sandbox.mail.people import Letter

    return Letter("hello", subject="x")


def stopped(now):
    from threading import Event

    stop = Event()
    if now:
        stop.set()
    return stop


# ---- secrets


def test_no_error_repr_or_log_holds_a_secret(caplog, capsys, tmp_path):
    caplog.set_level(logging.DEBUG)
    with office(graph=graph, timeout=2) as at:
        told = smtp(at.box, user=OURS, password=PASSWORD)
        by_smtp, by_graph = at.again(smtp=told), at.again(smtp=None, imap=None)
        secrets = (SECRET, PASSWORD, at.box.graph.secret, at.box.graph.token)
        said = [
            repr(each) + repr(vars(each)) + repr(each.settings) + str(each.settings) for each in (by_smtp, by_graph)
        ]
        command = Command("1", "take", User(ANN), "email", {}, f'["{ANN}", ["<a@b>"], "x"]', None, "1")
        for stage in ("connect", "ehlo", "auth", "mail", "rcpt", "data", "end"):
            echo = f"{PASSWORD} is what you said" if stage not in {"connect", "ehlo"} else "no"  # not said yet
            for hitch in (Hitch(stage, f"535 5.7.8 {echo}"), Hitch(stage, "451 no"), Hitch(stage, drop=True)):
                at.state.hitch(hitch)
                said += leaked(lambda: at.again(smtp=told).put(ANN, DOWN, None, "k"))
                at.state.heal()
        for verb in ("LOGIN", "SELECT", "UID", "NOOP"):
            for hitch in (Hitch("imap", "NO what is this", to=verb), Hitch("imap", drop=True, to=verb)):
                at.state.hitch(hitch)
                said += leaked(lambda: at.email.listen(lambda signal: None, stopped(False)))
                at.state.heal()
        for answer in (Answer(500, at.box.graph.token), Answer(401, {"error": {"code": "x", "message": "y"}})):
            for ending in ("/sendMail", "/token"):
                at.box.server.fail(Fault(lambda asked, end=ending: asked.path.endswith(end), answer))
                said += leaked(lambda: at.again(smtp=None, imap=None).put(ANN, DOWN, None, "k"))
                at.box.server.heal()
        said += leaked(lambda: by_smtp.answer(command, "hello"))
        said += map(str, by_smtp.check(Wanted(addresses=("nope",))))
        said += map(str, at.again(imap=imap(at.box, password="x" * 8), smtp=smtp(at.box, port=9)).check(Wanted()))
        said += [caplog.text, *capsys.readouterr()]
        assert len(said) > 40
        for secret in secrets:
            assert not [text for text in said if secret in text], secret


def leaked(call):
    """Every way in which an error may be printed."""
    try:
        answer = call()
    except ConnectorError as error:
        return [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    return [repr(answer)]
