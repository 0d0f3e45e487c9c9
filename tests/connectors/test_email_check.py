"""`check --live` on e-mail: every connection is tried and nothing is sent; what is missing is told with what to do."""

import pytest

from connectors.base import Wanted
from connectors.email import EmailSettings
from sandbox.mail import Hitch
from tests.connectors.post_office import ANN, MX, OURS, PASSWORD, authority, connector, graph, imap, office, smtp


def told(email, wanted=Wanted()):  # noqa: B008  (frozen)
    return [f"{problem.level}: {problem.message}; {problem.hint}".removesuffix("; ") for problem in email.check(wanted)]


@pytest.fixture
def at():
    with office(trust=MX, smtp=lambda box: smtp(box, user=OURS, password=PASSWORD)) as made:
        yield made


def test_what_is_ready_has_no_problems_and_nothing_is_sent(at):
    wanted = Wanted(addresses=(ANN, "list@example.org"), people=("bob@example.org",), home=ANN)
    at.state.deliver(ANN, [OURS], b"From: x@y.z\r\n\r\nhello")
    assert told(at.email, wanted) == []
    assert [mail.seen for mail in at.state.inbox(OURS)] == [False], "nothing is marked"
    assert at.ann() == []
    assert not [line for line in at.state.talk if line.startswith(("MAIL", "RCPT", "DATA"))]


def test_each_thing_that_is_missing_is_told(at):
    email = at.again(public_url="", trust="", secret="short")
    assert told(email, Wanted(addresses=("#ops", ANN), people=("U024BE7LH",))) == [
        "error: the secret has less than 16 characters; make a long one, as by: openssl rand -hex 32",
        "warning: mails have no links to act by; set public_url",
        (
            "warning: nobody verifies from whom replies are; name your mail server's authserv-id with trust; "
            "until then a reply can only comment"
        ),
        "error: email:#ops is no e-mail address; write it as name@example.org",
        "error: email:U024BE7LH is no e-mail address; write it as name@example.org",
    ]
    given = {name: value for name, value in at.given.items() if name != "imap"}
    email = connector(at.box, {**given, "public_url": "http://pointman.example.org"})
    assert told(email) == [
        "warning: links in mails are not encrypted; give public_url with https://",
        "warning: replies to mails are not read; add the table imap",
    ]
    email.close()


def test_a_wrong_password_is_told_for_each_server(at):
    email = at.again(smtp=smtp(at.box, user=OURS, password="wrong"), imap=imap(at.box, password="wrong"))
    first, second = told(email)
    assert first == "error: could not connect email: 127.0.0.1 does not let pointman@example.org sign in (535)"
    assert second.endswith("does not let us sign in; check user and password")
    assert "wrong" not in first + second


def test_servers_that_are_away_are_told(at):
    at.state.hitch(Hitch("connect", "421 closed for lunch"))
    (first,) = told(at.email)
    assert first.endswith("says 421 closed for lunch")
    first, second = told(at.again(smtp=smtp(at.box, port=9), imap=imap(at.box, port=9)))
    assert first == "error: could not connect email: 127.0.0.1:9: no connection"
    assert second.endswith("127.0.0.1:9: no connection")


def test_a_folder_that_is_not_there_is_told(at):
    assert told(at.again(imap=imap(at.box, folder="Nope")))[0].endswith("there is no such folder")
    assert "there is no folder Nope; make it" in told(at.again(imap=imap(at.box, done="Nope")))[0]
    assert told(at.again(imap=imap(at.box, done="Done"))) == []


def test_a_certificate_of_ones_own_is_told_unless_it_is_named(tmp_path):
    trust = authority(tmp_path)
    with office(trust.server, trust=MX) as at:
        servers = {
            "smtp": lambda **more: smtp(at.box, security="starttls", **more),
            "imap": lambda **more: imap(at.box, security="tls", port=at.box.imaps_port, **more),
        }
        refused = told(at.again(**{name: make() for name, make in servers.items()}))
        assert len(refused) == 2
        assert all("its certificate is not trusted" in each and "ca" in each for each in refused)
        assert told(at.again(**{name: make(ca=trust.file) for name, make in servers.items()})) == []


def test_graph_is_tried_with_its_token_and_its_folder():
    with office(smtp=None, imap=None, graph=graph, trust=MX) as at:
        assert told(at.email) == []
        assert at.ann() == []
        (secret,) = told(at.again(graph=graph(at.box, client_secret="wrong-secret")))
        assert "the client secret is wrong" in secret
        assert "wrong-secret" not in secret
        (folder,) = told(at.again(graph=graph(at.box, folder="Nope")))
        assert "could not open the folder Nope of pointman@example.org: ErrorItemNotFound" in folder
        assert told(at.again(graph=graph(at.box, folder=""))) == [
            "warning: replies to mails are not read; set graph.folder"
        ]


WRONG = [
    ("nowhere to send", {}, "needs a table smtp or a table graph"),
    ("no address", {"sender": "Pointman", "smtp": {"host": "localhost"}}, "must be an address"),
    ("a header in the sender", {"sender": "A\nB: <a@b.org>", "smtp": {"host": "localhost"}}, "must be an address"),
    ("half a login", {"smtp": {"host": "localhost", "user": "x"}}, "user and password belong together"),
    ("in the clear", {"smtp": {"host": "mail.example.org", "security": "none"}}, "it needs plain = true"),
    ("no web address", {"public_url": "ftp://x", "smtp": {"host": "localhost"}}, "public_url"),
    ("unknown", {"smtp": {"host": "localhost"}, "colour": 1}, "colour"),
]


@pytest.mark.parametrize(("why", "given", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_settings_that_cannot_work_are_refused_without_repeating_them(why, given, said):
    with pytest.raises(ValueError, match=said) as raised:
        EmailSettings.model_validate({"sender": "P <p@example.org>", "secret": "a-secret-of-16-chars", **given})
    assert "a-secret-of-16-chars" not in str(raised.value)


@pytest.mark.parametrize(
    ("table", "port", "security", "usual"),
    [
        ("smtp", 465, "starttls", "tls"),
        ("smtp", 587, "tls", "starttls"),
        ("imap", 993, "starttls", "tls"),
        ("imap", 143, "tls", "starttls"),
    ],
)
def test_a_port_that_is_spoken_to_in_another_way_is_told_before_anybody_waits_for_it(table, port, security, usual):
    server = {"host": "mail.example.org", "port": port, "security": security, "user": "x", "password": "secret-one"}
    with pytest.raises(ValueError, match=f"port {port} speaks {usual}, not {security}; set security to") as told:
        EmailSettings.model_validate({"sender": OURS, "secret": "s" * 16, table: server})
    assert "secret-one" not in str(told.value)
    EmailSettings.model_validate({"sender": OURS, "secret": "s" * 16, "smtp": {"host": "mail.example.org"}})
