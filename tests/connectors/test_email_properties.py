"""Whatever a ticket is called and whatever is said: the mail is whole, and reads back as what was meant."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.email.addresses import parse, plausible
from connectors.email.compose import Before, Composer, Offer
from connectors.email.links import Link, Links
from connectors.email.replies import Reader, asked
from connectors.email.threads import Threads
from connectors.markup import inert
from connectors.model import Button, Message, Topic

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
THREADS = Threads("a-secret-of-16-characters", "example.org")
LINKS = Links("a-secret-of-16-characters", "https://pm.example.org", "email")
COMPOSER = Composer("Pointman <pointman@example.org>", THREADS, LINKS, Offer())
ANN = parse("ann@example.org")
TEXTS = st.text(max_size=300)  # all of Unicode, half characters and control characters too
REFS = st.text("abcdefABCDEF0123456789-", min_size=1, max_size=36)
MESSAGES = st.builds(
    Message,
    st.one_of(TEXTS, TEXTS.map(lambda text: inert(text.encode("utf-8", "replace").decode()))),
    st.lists(st.builds(Button, TEXTS, st.just("take"), REFS), max_size=2).map(tuple),
    TEXTS,
    about=st.one_of(st.none(), st.builds(Topic, REFS, TEXTS, TEXTS)),
)


@settings(max_examples=40)
@given(MESSAGES, TEXTS)
def test_every_mail_reads_back_with_its_headers_and_both_parts(thing, key):
    mail = COMPOSER.message(ANN, thing, key, NOW)
    message = message_from_bytes(mail.raw, policy=default)
    assert message.defects == []
    names = [name.lower() for name in message.keys()]  # noqa: SIM118
    assert len(names) == len(set(names)), "no header is there twice"
    allowed = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "list-id"}
    allowed |= {"x-auto-response-suppress", "auto-submitted", "mime-version", "content-type"}
    assert set(names) <= allowed, "nothing from outside is a header"
    assert (message["From"], message["To"]) == ("Pointman <pointman@example.org>", "ann@example.org")
    assert message["Message-ID"].strip() == mail.id
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert "\n" not in message["Subject"]
    assert len(message["Subject"]) <= 180
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    text, html = (part.get_content() for part in message.iter_parts())
    assert html.count("<body") == 1
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
    assert mail.raw.isascii()
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    for button in thing.buttons:
        assert "https://pm.example.org/act?" in text
        assert button.ref


@settings(max_examples=50)
@given(
    st.text("abcdefgh ÄÖüß漢字🔥", max_size=200),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=200),
)
def test_what_a_ticket_says_arrives_unchanged(summary, said):
    thing = Message(inert(said), about=Topic("10001", "OPS-1", summary))
    message = message_from_bytes(COMPOSER.message(ANN, thing, "k", NOW).raw, policy=default)
    whole = f"[OPS-1] {' '.join(summary.split())}".strip()
    assert message["Subject"] == (whole if len(whole) <= 180 else f"{whole[:179].rstrip()}…")
    text = message.get_body(("plain",)).get_content()
    assert text.strip() == said.strip()


@settings(max_examples=50)
@given(REFS, st.lists(TEXTS, max_size=3))
def test_a_ticket_is_read_back_out_of_the_ids_and_out_of_no_others(ref, parts):
    for ident in (THREADS.root(ref), THREADS.message(ref, *parts)):
        assert THREADS.ticket([ident]) == THREADS.ticket(["<x@y>", ident.upper()]) == ref
        assert THREADS.ours(ident)
        assert len(ident) < 200
        assert Threads("another-secret-0000", "example.org").ticket([ident]) == ""
        assert Threads("a-secret-of-16-characters", "other.org").ticket([ident]) == ""


@settings(max_examples=50)
@given(st.sampled_from(["take", "claim:poc"]), st.text(max_size=60), st.text(max_size=60))
def test_a_link_says_what_it_was_made_to_say(verb, ref, key):
    made = Link(verb, ref, "ann@example.org", datetime(2026, 11, 25, tzinfo=UTC), "abc", key)
    token = LINKS.url(made).partition("&t=")[2]
    assert LINKS.read(token, NOW) == made


@settings(max_examples=40)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_read_without_a_fault(raw, answers):
    reader = Reader("email", "pointman@example.org", THREADS, "mx.example.org", ("en", "de"))
    head = f"From: ann@example.org\r\nIn-Reply-To: {THREADS.root('1')}\r\n".encode() if answers else b""
    reading = reader.read(head + raw)
    assert (reading.command is None) == bool(reading.why) or reading.refusal


@settings(max_examples=40)
@given(TEXTS)
def test_words_are_never_lost(words):
    verb, args = asked(words)
    assert verb != "comment" or args in ({"text": words}, {}) or words.lower().startswith("comment")


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_what_looks_like_an_address_is_one_line_without_blanks(said):
    if plausible(said):
        told = str(parse(said))
        assert not set(told) & set(' \r\n\t<>,;:"()[]\\')
        assert told.count("@") == 1


@settings(max_examples=40)
@given(TEXTS, TEXTS)
def test_an_answer_is_whole_whatever_the_subject_was(subject, text):
    mail = COMPOSER.answer(ANN, text, "k", Before(("<a@b>",), subject), NOW)
    message = message_from_bytes(mail.raw, policy=default)
    assert message.defects == []
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Subject"].lower().startswith("re:")
