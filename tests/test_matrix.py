"""Every story of the pack plays on every tracker with every messenger, under the same rule files, and ends the same.

What people do they do where they are: in the tracker's own fields, with a button in Slack, a signed invoke in Teams,
a link or a reply in their mail. Where a channel is told by a webhook nobody can answer there, so they turn to the
tracker.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import timed
from tests.combination import COMPANY, MESSENGERS, TRACKERS, Messenger, Tracker
from tests.playing import Playing, playing

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
COMBINATIONS = [(tracker, messenger) for tracker in TRACKERS for messenger in MESSENGERS]
SORTS = ("standing", "call", "news")
Told = Counter[tuple[str, ...]]


def checkout(play: Playing) -> None:
    """Nobody acknowledges for half an hour; then Ann takes it, leads it, waits for a vendor, and resolves it."""
    play.create("ann", summary="Checkout is down", service="Checkout (prod)", affected_users=1400)
    play.later(31)

    def herself() -> None:
        play.change("ann", assignee="Ann Archer")
        play.move("ann", "In Progress")

    play.press("ann", "Take it", instead=herself)
    play.press("ann", "Be incident commander", instead=lambda: play.change("ann", commander="Ann Archer"))
    play.later(2)
    play.change("maria", severity="Medium")
    play.ask("ann", ("hold", "we wait for the vendor"), instead=lambda: play.move("ann", "held"))
    play.later(10)
    play.move("ann", "In Progress")
    play.later(1)
    play.press("ann", "Resolve", instead=lambda: play.move("ann", "Resolved"))
    play.later(10)


def growing(play: Playing) -> None:
    """Few are affected, then many, then very many; no service is named, so nobody has it. It comes back once."""
    play.create("ann", summary="The shop looks odd", affected_users=50)
    play.later(5)
    play.change("tom", affected_users=150)
    play.later(5)
    play.change("tom", affected_users=1200)
    play.later(6)
    play.press("tom", "Acknowledge", instead=lambda: play.move("tom", "In Progress"))
    play.later(30)
    play.move("tom", "Resolved")
    play.later(5)
    play.move("maria", "Open")
    play.later(1)
    play.move("maria", "Resolved")
    play.later(1)


def slow(play: Playing) -> None:
    """An important service is slow: it is shown and calls nobody."""
    play.create("ann", summary="Orders are slow", service="Orders DB")
    play.later(60)


def vip(play: Playing) -> None:
    """An important person reports a trifle."""
    play.create("maria", summary="A typo on the start page")
    play.later(60)


STORIES: Mapping[str, Callable[[Playing], None]] = {s.__name__: s for s in (timed.dark, checkout, growing, slow, vip)}
"""The story of time knows what the clock shows, so it begins."""

# ---- what must come of it, wherever it plays

LADDER = "escalate:incident.unacknowledged"
CARD, WANTED = ("notify:incident.card", "place:incidents"), ("notify:commander-wanted", "place:incidents")
ENDS: Mapping[str, Mapping[str, object]] = {
    "checkout": {
        "severity": "medium", "team": "payments", "phase": "resolved", "service": "checkout", "acknowledged": True,
        "hold": False, "reporter": "ann", "assignee": "ann", "commander": "ann",
    },
    "growing": {
        "severity": "high", "team": None, "phase": "resolved", "service": None, "acknowledged": True,
        "hold": False, "reporter": "ann", "assignee": None, "commander": None,
    },
    "slow": {
        "severity": "medium", "team": "platform", "phase": "new", "service": "orders-db", "acknowledged": False,
        "hold": False, "reporter": "ann", "assignee": "tom", "commander": None,
    },
    "vip": {
        "severity": "medium", "team": None, "phase": "new", "service": None, "acknowledged": False,
        "hold": False, "reporter": "maria", "assignee": None, "commander": None,
    },
}  # fmt: skip
BY_ITSELF = ("news:incident.news", "place:incidents", "raised from low to medium by Pointman")
"""What is no news on ServiceNow: there the low was the instance's own, which it gives to every ticket, and nobody's."""
OTHERWISE = "Everything else, until a person says more"
"""What has nothing to do there, for the same reason."""
TOLD: Mapping[str, Told] = {
    "checkout": Counter({
        (LADDER, "on-call:team", "Nobody has acknowledged, step 1"): 1,
        (LADDER, "lead:team", "Nobody has acknowledged, step 2"): 1,
        (LADDER, "place:incidents", "Nobody has acknowledged, step 2"): 1,
        (LADDER, "lead:team", "Nobody has acknowledged, step 3"): 1,
        (LADDER, "place:incidents", "Nobody has acknowledged, step 3"): 1,
        (LADDER, "person:ann", "Nobody has acknowledged, step 3"): 1,
        (LADDER, "person:maria", "Nobody has acknowledged, step 3"): 1,
        (LADDER, "person:tom", "Nobody has acknowledged, step 3"): 1,
        ("escalate:incident.management", "place:management", "Management hears of it after half an hour, step 1"): 1,
        ("news:incident.news", "place:incidents", "acknowledged by ann"): 1,
        ("news:incident.news", "place:incidents", "resolved by ann"): 1,
        ("news:pauses", "place:incidents", "ann is incident commander"): 1,
        ("news:pauses", "place:incidents", "put on hold by ann"): 1,
        ("news:pauses", "place:incidents", "resumed by ann"): 1,
    }),
    "growing": Counter({
        (LADDER, "place:incidents", "Nobody has acknowledged, step 2"): 1,
        BY_ITSELF: 1,
        ("news:incident.news", "place:incidents", "raised from medium to high by Pointman"): 1,
        ("news:incident.news", "place:incidents", "acknowledged by tom"): 1,
        ("news:incident.news", "place:incidents", "resolved by tom"): 1,
        ("news:incident.news", "place:incidents", "reopened by maria"): 1,
        ("news:incident.news", "place:incidents", "acknowledged by maria; resolved by maria"): 1,
    }),
    "slow": Counter(),
    "vip": Counter(),
}  # fmt: skip
STANDING: Mapping[str, Told] = {
    "dark": Counter(),
    "checkout": Counter({CARD: 1, WANTED: 1}),
    "growing": Counter({CARD: 1, WANTED: 1}),
    "slow": Counter({CARD: 1}),
    "vip": Counter({CARD: 1}),
}
AGAIN: Mapping[str, Mapping[str, int]] = {
    "checkout": {"email": 4, "webhook": 4},  # the assignee; then severity; `active`, and `resolved`
    "growing": {
        "email": 4,
        "webhook": 5,
    },  # `high`, `resolved`, `new`, `resolved`; acknowledged in the tracker: `active`
}
"""How often the card is told again where nothing can be edited: once for each change that is worth telling."""
NAMES = {"Ann Archer": "ann", "Maria Keller": "maria", "Tom Reyes": "tom"}


@dataclass(frozen=True)
class Outcome:
    """How a story ended, what was told of events and to whoever was called, how often each standing message was."""

    end: Mapping[str, object]
    told: Told
    standing: Told


def expected(story: str, tracker: Tracker, messenger: Messenger) -> Outcome:
    told = timed.told(messenger) if story == "dark" else Counter(TOLD[story])
    standing = Counter(STANDING[story])
    if tracker == "servicenow":
        told.pop(BY_ITSELF, None)
    standing[CARD] += AGAIN.get(story, {}).get(messenger, 0)
    return Outcome(timed.end(messenger) if story == "dark" else ENDS[story], told, standing)


def played(play: Playing, story: Callable[[Playing], None]) -> Outcome:
    """What comes of a story."""
    before = len(play.heard)
    story(play)
    return outcome(play, [entry for entry in play.heard[before:] if entry["event"] == "effect done"])


def outcome(play: Playing, done: Iterable[Mapping[str, Any]]) -> Outcome:
    """By what was put into the products, each with its rule and the recipient as it is written there."""
    told: Told = Counter()
    standing: dict[tuple[str, ...], set[str]] = {}
    for entry in done:
        rule, _, place = entry["key"].partition(">")
        name = (rule, place.partition("@")[0])
        if entry["sort"] == "standing":
            standing.setdefault(name, set()).add(entry["ref"])
        elif entry["sort"] == "call":
            told[(*name, entry["why"].split(";")[0])] += 1
        elif entry["sort"] == "news":
            told[(*name, _in_keys(entry["what"].partition(": ")[2]))] += 1
    return Outcome(play.end(), told, Counter({name: len(refs) for name, refs in standing.items()}))


def _in_keys(text: str) -> str:
    """A text with people as the rules name them: what they did in the tracker is told by their name there."""
    for name, key in NAMES.items():
        text = text.replace(name, key)
    return text


# ---- everywhere


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an answer may take longer than people would wait."""
    monkeypatch.setattr("connectors.teams.waiting.LATE", 10.0)
    monkeypatch.setattr("sync.clicks.SHOWN_WITHIN", 9.0)


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rule files, which all share."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "company.toml").write_text(COMPANY)
    (folder / "time.toml").write_text(timed.TIME)
    return folder


@pytest.mark.parametrize(("tracker", "messenger"), COMBINATIONS)
def test_every_story_ends_the_same_everywhere(
    tracker: Tracker, messenger: Messenger, tmp_path: Path, rules: Path
) -> None:
    with playing(tracker, messenger, tmp_path, rules) as play:
        for name, story in STORIES.items():
            assert played(play, story) == expected(name, tracker, messenger), name
            if name == "dark":
                assert timed.seen(play) == timed.shown(messenger)
            if name == "dark" and tracker == "datacenter" and play.hand.answers:  # the same wherever the ticket is
                assert played(play, timed.answered) == Outcome(timed.ANSWERED_END, timed.ANSWERED, Counter())
                assert timed.updates(play) == timed.AFTERWARDS
        made = {e["ref"] for e in play.heard if e["event"] == "effect done" and e["sort"] in SORTS}
        assert play.hand.messages() == len(made), "nothing stands there that was not told, and nothing twice"
        refused = [e for e in play.heard if e["log_level"] in {"warning", "error"}]
        assert refused == []
        spoken = {str(entry["why"]) for entry in play.heard if entry["event"] == "effect done"}
        pack = {rule.name for rule in play.parts.engine.rules if rule.id.startswith("incident.") and rule.mode != "off"}
        silent = {name for name in pack if not any(name in why for why in spoken)}
        assert silent == ({OTHERWISE} if tracker == "servicenow" else set()), "the stories touch every rule of the pack"
        assert rule_files(play.parts.config.rule_paths) == {
            "company.toml": COMPANY.encode(),
            "time.toml": timed.TIME.encode(),
        }


def rule_files(paths: Iterable[Path]) -> dict[str, bytes]:
    """Every rule file of an installation but that of its places."""
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    assert [set(tomllib.loads(file.read_text())) for file in files if file.name == "places.toml"] == [{"places"}]
    return {file.name: file.read_bytes() for file in files if file.name != "places.toml"}
