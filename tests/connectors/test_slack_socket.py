"""Socket Mode: what is clicked and typed arrives without a public address, through reconnects, until it is stopped."""

import logging
import threading
import time
from contextlib import contextmanager

import pytest

from connectors.errors import Denied
from connectors.model import Button, Form, Message, Question
from sandbox.http import Answer, Fault
from sandbox.slack import Delivered
from tests.connectors.slack_workspace import workspace


@pytest.fixture
def at():
    with workspace() as made:
        made.slack = made.again(app_token=made.state.app_token)
        made.slack.put("#ops", Message("x", (Button("Take it", "take", "10001"),)), None, "k")
        yield made


@contextmanager
def listening(at, emit=None):
    heard, stop = [], threading.Event()
    thread = threading.Thread(target=at.slack.listen, args=(emit or heard.append, stop))
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def click(at):
    return at.box.people.click(at.ann, at.ops.messages[0], "Take it")


def test_clicks_commands_and_forms_arrive_as_commands(at):
    with listening(at) as heard:
        assert at.box.sockets.wait()
        assert click(at) == Delivered(200)
        assert at.box.people.command(at.ann, at.ops, "severity OPS-1 high") == Delivered(200)
        at.slack.ask(heard[0], Form("Take", (Question("text", "Why?"),)))
        assert at.box.people.submit(*at.state.views.values(), {"text": "because"}) == Delivered(200)
    assert [(c.ref, c.verb, dict(c.args), c.source) for c in heard] == [
        ("10001", "take", {}, "slack"),
        ("", "words", {"text": "severity OPS-1 high"}, "slack"),
        ("10001", "take", {"text": "because"}, "slack"),
    ]


def test_a_click_is_acknowledged_when_it_stands_on_its_ticket_and_others_are_heard_meanwhile(at):
    waiting, done, taken = threading.Event(), [], []

    def emit(command):
        taken.append(command.verb)
        return waiting if command.verb == "take" else None

    with listening(at, emit):
        assert at.box.sockets.wait()
        clicking = threading.Thread(target=lambda: done.append(click(at)))
        clicking.start()
        while not taken:
            time.sleep(0.005)
        assert at.box.people.command(at.ann, at.ops, "status OPS-1") == Delivered(200)
        assert (taken, done) == (["take", "words"], [])
        waiting.set()
        clicking.join(5)
    assert done == [Delivered(200)]


def test_a_click_that_waits_too_long_is_acknowledged_all_the_same(at, monkeypatch):
    monkeypatch.setattr("connectors.slack.socket.ACKNOWLEDGED_WITHIN", 0.1)
    with listening(at, lambda command: threading.Event()):
        assert at.box.sockets.wait()
        assert click(at) == Delivered(200)


def test_what_waits_is_acknowledged_before_the_connection_is_left(at, monkeypatch):
    monkeypatch.setattr("connectors.slack.socket.ACKNOWLEDGED_WITHIN", 0.3)
    done, heard = [], threading.Event()

    def emit(command):
        heard.set()
        return threading.Event()

    with listening(at, emit):
        assert at.box.sockets.wait()
        clicking = threading.Thread(target=lambda: done.append(click(at)))
        clicking.start()
        assert heard.wait(5)
        at.box.sockets.ask_to_reconnect()
        clicking.join(5)
        assert at.box.sockets.wait(2)
    assert done == [Delivered(200)]


def test_shortcuts_arrive_as_commands(at):
    message = at.state.say(at.ann, at.ops, "the log is full")
    with listening(at) as heard:
        assert at.box.sockets.wait()
        assert at.box.people.shortcut(at.ann, message) == Delivered(200)
        assert at.box.people.anywhere(at.ann) == Delivered(200)
        assert at.box.people.shortcut(at.ann, message, "another_apps") == Delivered(200)
    assert [(c.verb, c.args.get("text")) for c in heard] == [("comment", "the log is full"), ("declare", None)]


def test_garbage_is_acknowledged_and_changes_nothing(at):
    with listening(at) as heard:
        assert at.box.sockets.wait()
        assert at.box.sockets.send("interactive", {"type": "block_actions", "actions": []}) is not None
        assert at.box.sockets.send("events_api", {"event": {"type": "message"}}) is not None
        assert click(at) == Delivered(200)
    assert len(heard) == 1


def test_a_click_that_cannot_be_handed_on_is_not_acknowledged_and_the_next_one_is_heard(at, monkeypatch, caplog):
    heard = []

    def full(signal):
        heard.append(signal)
        if len(heard) == 1:
            raise RuntimeError("the queue is full")

    with listening(at, full):
        assert at.box.sockets.wait()
        with monkeypatch.context() as hurried:
            hurried.setattr("sandbox.slack.socket.PATIENCE", 0.3)
            assert click(at) == Delivered(0)
        assert click(at) == Delivered(200)
    assert "a command could not be handed on" in caplog.text


def test_when_slack_hands_over_no_click_is_lost(at):
    with listening(at) as heard:
        assert at.box.sockets.wait()
        for number in range(2, 5):
            at.box.sockets.ask_to_reconnect()
            assert at.box.sockets.wait(number)
            assert click(at) == Delivered(200)
    assert len(heard) == 3


def test_a_broken_connection_is_made_again(at, caplog):
    with listening(at) as heard:
        assert at.box.sockets.wait()
        at.box.sockets.drop()
        assert at.box.sockets.wait(2)
        assert click(at) == Delivered(200)
    assert len(heard) == 1
    assert "ticket=" not in caplog.text


def test_it_waits_and_tries_again_while_slack_is_down(at, caplog):
    caplog.set_level(logging.DEBUG)
    down = Fault(lambda asked: asked.path.endswith("apps.connections.open"), Answer(503, ""), times=2)
    at.box.server.fail(down)
    with listening(at) as heard:
        assert at.box.sockets.wait(1, seconds=10)
        assert click(at) == Delivered(200)
    assert len(heard) == 1
    assert caplog.text.count("trying again") == 2


def test_a_refused_app_token_is_said_aloud(at):
    slack = at.again(app_token="xapp-wrong")
    with pytest.raises(Denied, match="could not listen to Slack: invalid_auth; check the token"):
        slack.listen(print, threading.Event())


def test_without_an_app_token_it_returns_at_once(at):
    at.again().listen(print, threading.Event())


def test_it_stops_within_a_second(at):
    """At least once in three: a busy machine may take longer for anything."""
    took = []
    while len(took) < 3 and min(took, default=9.0) >= 1.5:
        stop = threading.Event()
        thread = threading.Thread(target=at.slack.listen, args=(print, stop))
        thread.start()
        assert at.box.sockets.wait(len(took) + 1)
        began = time.monotonic()
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        took.append(time.monotonic() - began)
    assert min(took) < 1.5, took
