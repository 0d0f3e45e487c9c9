"""What happened to a ticket is read from its history, each time the same."""

from __future__ import annotations

import pytest

from connectors.model import Change, Comment, User, Value
from rules.events import LONGEST_QUOTE, events
from rules.load import parse
from tests.rules.example import ANN, EMPTY, MORNING, TOM, later, ticket


def kinds(*changes: tuple[str, Value, Value], **attributes: object) -> list[str]:
    """The kinds of event after creation, but for those of single fields."""
    history = tuple(Change(later(minutes=n), *change, by=ANN) for n, change in enumerate(changes, 1))
    found = events(ticket(history=history, **attributes), EMPTY)
    return [event.kind for event in found if not event.kind.startswith("changed:")][1:]


@pytest.mark.parametrize(
    ("changes", "happened", "why"),
    [
        ([("severity", "low", "high")], ["raised"], "up the scale"),
        ([("severity", "high", "low")], ["lowered"], "down"),
        ([("severity", None, "low")], [], "classified is not raised"),
        ([("severity", "high", "high")], [], "nothing changed"),
        ([("assignee", None, TOM)], ["assigned"], "somebody has it"),
        ([("assignee", TOM, None)], [], "nobody has it"),
        ([("hold", False, True), ("hold", True, False)], ["hold", "resumed"], "on hold and off"),
        ([("phase", "new", "active")], ["acknowledged"], "left new"),
        ([("phase", "new", "resolved")], ["acknowledged", "resolved"], "both at once"),
        ([("phase", "active", "closed")], ["resolved", "closed"], "closed at once"),
        ([("phase", "resolved", "closed")], ["closed"], "resolved before"),
        ([("phase", "closed", "resolved")], [], "back, but not open"),
        ([("phase", "resolved", "active")], ["reopened"], "open again"),
        ([("acknowledged", None, True), ("phase", "new", "active")], ["acknowledged"], "only once"),
        ([("acknowledged", None, True), ("acknowledged", True, None), ("acknowledged", None, True)],
         ["acknowledged", "acknowledged"], "taken back and given again"),
        ([("summary", "a", "b")], [], "only changed"),
    ],
)  # fmt: skip
def test_a_change_is_an_event(changes: list[tuple[str, Value, Value]], happened: list[str], why: str) -> None:
    assert kinds(*changes) == happened, why


def test_every_change_is_an_event_of_its_field() -> None:
    found = events(ticket(history=(Change(later(minutes=1), "status_text", "a", None, ANN),)), EMPTY)
    assert [(event.kind, event.field, event.before, event.after, event.by) for event in found][1:] == [
        ("changed:status_text", "status_text", "a", None, ANN)
    ]


def test_events_say_themselves_in_a_few_words() -> None:
    history = (
        Change(later(minutes=1), "severity", "low", "high", ANN),
        Change(later(minutes=2), "labels", (), ("a", "b")),
        Change(later(minutes=3), "status_text", "x", ""),
        Change(later(minutes=4), "assignee", None, TOM, User("", "", "")),
    )
    said = [event.text for event in events(ticket(history=history, reporter=TOM), EMPTY)]
    assert said == [
        "created by Tom",
        "raised from low to high by Ann",
        "severity is high by Ann",
        "labels is a, b",
        "status text is empty",
        "assigned to Tom",
        "assignee is Tom",
    ]


def test_who_plays_a_part_and_when_something_will_be_are_said_as_people_say_it() -> None:
    history = (
        Change(later(minutes=1), "poc", None, TOM, TOM),
        Change(later(minutes=2), "poc", TOM, ANN, TOM),
        Change(later(minutes=3), "poc", ANN, None),
        Change(later(minutes=4), "poc", None, TOM),
        Change(later(minutes=5), "eta", None, later(hours=2), ANN),
    )
    said = [event.text for event in events(ticket(history=history), EMPTY)]
    assert said[1:] == [
        "Tom is point of contact",
        "Ann is point of contact, named by Tom",
        "nobody is point of contact",
        "Tom is point of contact",
        "eta is 12:00 by Ann",
    ]


@pytest.mark.parametrize(("value", "said"), [(7.0, "7"), (0.5, "0.5"), (1400, "1400"), (True, "yes"), (False, "no")])
def test_numbers_and_flags_are_said_as_people_say_them_whatever_a_tracker_answers(value: Value, said: str) -> None:
    history = (Change(later(minutes=1), "affected_users", None, value, ANN),)
    assert events(ticket(history=history), EMPTY)[-1].text == f"affected users is {said} by Ann"


def test_comments_are_events_but_our_own_are_not() -> None:
    me = User("bot")
    comments = (
        Comment("late", at=later(hours=2), by=ANN),
        Comment("our log", at=later(hours=1), by=me),
        Comment("x" * 1_000, at=later(minutes=1)),
        Comment("not written yet"),
    )
    found = events(ticket(comments=comments), EMPTY, me)
    assert [(event.kind, event.at) for event in found] == [
        ("created", MORNING),
        ("commented", later(minutes=1)),
        ("commented", later(hours=2)),
    ]
    assert found[1].text == f"somebody commented: {'x' * LONGEST_QUOTE}"
    assert found[2].text == "Ann commented: late"
    assert len(events(ticket(comments=comments), EMPTY)) == 4


@pytest.mark.parametrize(
    ("changes", "happened", "why"),
    [
        ([("severity", "low", "high")], [], "classified for the first time"),
        ([("severity", "low", "medium"), ("severity", "medium", "high")], ["raised"], "and chosen anew"),
        ([("severity", "low", "medium"), ("severity", "medium", "low"), ("severity", "low", "high")],
         ["lowered", "raised"], "chosen low, then raised"),
        ([("severity", "medium", "high")], ["raised"], "made with another level than the tracker's own"),
        ([("summary", "a", "b"), ("severity", "low", "high")], [], "other words say nothing of it"),
    ],
)  # fmt: skip
def test_what_the_tracker_itself_wrote_is_no_level_to_be_raised_from(
    changes: list[tuple[str, Value, Value]], happened: list[str], why: str
) -> None:
    history = tuple(Change(later(minutes=n), *change, by=ANN) for n, change in enumerate(changes, 1))
    found = [event.kind for event in events(ticket(history=history), EMPTY, None, {"severity": "low"})]
    assert [kind for kind in found if kind in {"raised", "lowered"}] == happened, why
    assert found.count("changed:severity") == len([c for c in changes if c[0] == "severity"]), "changed it was"


def test_what_was_asked_of_us_is_by_whoever_it_was_as_people_call_them() -> None:
    text = '[defaults]\ntimezone = "UTC"\nfallback = ["slack:#x"]\n[roles]\npoc = { title = "point of contact" }\n'
    text += '[people]\nann = { name = "Ann Archer", email = "ann@example.org" }\ntom = { email = "tom@example.org" }\n'
    rules = parse({"00.toml": text}, connectors=("slack",))
    by = {key: User("", key) for key in ("ann", "tom", "Ann Archer")}
    stranger = User("U1", "ann")
    asked = (
        Change(later(minutes=1), "acknowledged", None, later(minutes=1), by["ann"]),
        Change(later(minutes=2), "poc", None, "ann", by["ann"]),
        Change(later(minutes=3), "poc", "ann", "tom", by["ann"]),
        Change(later(minutes=4), "severity", "low", "high", by["tom"]),
        Change(later(minutes=5), "severity", "high", "low", stranger),
    )
    comment = Comment("Done", id="1", at=later(minutes=6), by=by["ann"])
    found = events(ticket(history=asked, comments=(comment,)), rules)
    said = [
        event.text for event in found if event.kind in {"acknowledged", "raised", "lowered", "changed:poc", "commented"}
    ]
    assert said == [
        "acknowledged by Ann Archer",
        "Ann Archer is point of contact",
        "tom is point of contact, named by Ann Archer",
        "raised from low to high by tom",
        "lowered from high to low by ann",
        "Ann Archer commented: Done",
    ]
    assert all(event.text.endswith(f" by {event.by}") for event in found if event.kind in {"acknowledged", "raised"})
