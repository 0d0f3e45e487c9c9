"""When each audience is told how things are, whether or not anything changed, and in which words.

A place hears what people post at once, and if nobody posts anything it is told from the ticket's fields, so often as
its rule says (`sync.beats`). Two rules to one place are one update, of the shorter cadence. What changed is counted
from when that place was told last, so that is said truthfully however late an update comes; a tick that was missed is
not made up for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from connectors.model import Change
from rules import cadence, duration
from rules.cadence import UPDATE, Told
from rules.clock import written
from rules.decide import Decision, decide
from rules.directory import Address
from rules.events import CONFIRMED, OURSELVES, Event, with_reasons
from rules.model import Recipient
from rules.quiet import PAUSED
from sync.acts import ESCALATED
from sync.beats import REMIND, Beat, Rhythm, beats, together
from sync.calls import Moment, Series, calls
from sync.effects import Effect, Scene, digest, key_of, said, standard

TEXT: Final = (
    "**{{ key }}** {{ summary }}: {{ severity or 'not classified' }}, {{ phase }}{% if hold %}, on hold{% endif %}. "
    "{{ assignee or 'Nobody' }} has it."
    "{% if eta %} It is expected to be done by {{ eta }}.{% endif %}"
    "{% if overdue %} It was expected to be done by {{ overdue }}.{% endif %}"
    "{% if posted %}\n\n{{ posted }}{% endif %}"
    "{% if happened %}\n\nSince {{ heard }}: {{ happened }}.{% endif %}"
    "{% if unchanged %}\n\nNothing has changed since {{ unchanged }}.{% endif %}"
    "{% if late %}\n\nThis update was due at {{ late }}.{% endif %}"
    "{% if next_update %}\n\nNext update by {{ next_update }}.{% endif %}"
)
REMINDER: Final = (
    "**{{ key }}** {{ summary }}: an update for {{ audiences }} is due at {{ next_update }}. Post one, or it goes out "
    "by itself{% if unchanged %} and says that nothing has changed since {{ unchanged }}{% endif %}. {{ url }}"
)
FIRST: Final = "somebody posts one first"
POSTS: Final = "somebody posts an update"
MOST: Final = 10
"""So many changes are told in one update, the latest."""
_COARSE: Final = timedelta(seconds=1)
"""What happened may be dated so much before it did: a tracker's clock may know no less than a second."""
_SAYS_NOTHING: Final = frozenset(
    {"description", "status", "labels", PAUSED, ESCALATED, CONFIRMED}
    | {cadence.POSTED, cadence.PACED, cadence.SKIPPED, cadence.SNOOZED}
)
"""Words that say nothing of how things are."""
NO_CHANGE: Final = _SAYS_NOTHING | {"severity", "assignee", "hold", "phase", "acknowledged"}
"""These, and the words whose changes are told by an event with a name of its own."""


def updates(decisions: Iterable[Decision], scene: Scene) -> Iterator[Effect]:
    """All updates of a ticket, and the reminders before them."""
    talk = _Talk(scene)
    found = talk.beats(decisions)
    for beat in found:
        yield from talk.effects(beat)
    for one in together(found, scene.now):
        yield from talk.reminder(one)


def next_update(scene: Scene) -> datetime | None:
    """When whoever reads a text hears next how things are; where nobody tells them, when the next of all is told."""
    return min((beat.out for beat in _of_reader(scene) if beat.out is not None), default=None)


def last_update(scene: Scene) -> datetime | None:
    """When whoever reads a text was told last; where nobody tells them, when anybody was."""
    return max((beat.told.at for beat in _of_reader(scene) if beat.told is not None), default=None)


def unchanged(scene: Scene) -> datetime | None:
    """Since when nothing has changed; None where something has since whoever reads a text was told last."""
    found = tuple(beat.since for beat in _of_reader(scene) if beat.told is not None)
    last = _Talk(scene).last
    return last if found and last <= max(found) else None


def _of_reader(scene: Scene) -> tuple[Beat, ...]:
    """The places at which whoever reads a text is told how things are; all of them, where they are at none."""
    decisions = decide((UPDATE,), scene.facts.ticket, scene.rules, scene.known, scene.now)
    found = tuple(b for b in _Talk(scene).beats(d for d in decisions if d.rule.mode == "on") if b.by is None)
    who = scene.reader or Address("", "", "")
    own = tuple(b for b in found if b.address.audience == who.audience != "")
    same = tuple(b for b in found if (b.address.product, b.address.address) == (who.product, who.address))
    return own or same or found


# ---- what


class _Talk:
    """What is said of one ticket at one look; its events are read once, and only where somebody is told something."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.rhythm = scene, Rhythm(scene)

    def beats(self, decisions: Iterable[Decision]) -> tuple[Beat, ...]:
        """Each place of each rule, in deciding order."""
        return beats(decisions, self.rhythm, self._repeats)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What changed of how things are, oldest first."""
        facts, world = self.scene.facts, self.scene.world
        ours = written(facts.rules)
        found = facts.happened(world.me, world.defaults)
        theirs = (event for event in found if event.field not in ours or event.by != world.me)
        return tuple(_worth_telling(event for event in theirs if event.at <= self.scene.now))

    @property
    def last(self) -> datetime:
        """When something changed last, or somebody posted something."""
        ticket, now = self.scene.facts.ticket, self.scene.now
        posted = (change.at for change in cadence.posted(self.rhythm.history, ticket.created, now))
        return max((ticket.created, *posted, *(event.at for event in self.events)))

    def effects(self, beat: Beat) -> Iterator[Effect]:
        """What a place is told now, and when it is told next."""
        rule, by = beat.rule, beat.by
        series = Series(
            beat.decision,
            tuple(self._moments(beat)),
            standard(TEXT),
            unless=FIRST,
            what=f"update {beat.name}",
            why=(f"{rule.name or rule.id}, every {duration.show(beat.every)}", *beat.decision.why),
            left="" if by is None else f"{by.name or by.id} tells it, and no less often",
            hours=beat.hours,
            exact=True,
        )
        made = [self._summed(effect, beat) for effect in calls(series, self.scene)]
        yield from made
        coming = next((effect for effect in made if effect.moment == beat.due and not effect.left), None)
        if coming is not None:
            yield from (replace(coming, thing=None, left=f"skipped by {change.by}") for change in beat.skipped)
            own = beat.own
            if own is not None and own.at >= beat.decision.since:  # it is told so, and not made again
                yield replace(coming, thing=None, due=own.at, mark=own.due, moment=own.due)

    def _moments(self, beat: Beat) -> Iterator[Moment]:
        for number, due in enumerate((*(change.at for change in beat.fresh[-1:]), beat.due), 1):
            words = self.words(beat, due) if due <= self.scene.now else {}
            yield Moment(due, due, number, beat.rule.to, words=words, at=beat.address)

    def _summed(self, effect: Effect, beat: Beat) -> Effect:
        """An update with the digest of what it says, where people outside are told nothing twice."""
        told = beat.address.external and effect.thing is not None
        return replace(effect, digest=self.content(beat)) if told else effect

    def content(self, beat: Beat) -> str:
        """The digest of what a place would be told now, whatever moments it names."""
        moments = dict.fromkeys(("since", "last_update", "next_update", "unchanged"))
        words = {**self.words(beat, beat.due), **moments}
        return digest(said(beat.decision, beat.address, beat.rule.text or standard(TEXT), words, self.scene))

    def _repeats(self, beat: Beat) -> bool:
        """Whether what was posted says nothing new to a place: people outside are told only what their text can say."""
        entry = self.scene.ledger.get(*key_of(UPDATE, beat.rule, beat.address))
        return beat.address.external and entry is not None and entry.sum == self.content(beat)

    def words(self, beat: Beat, due: datetime) -> Mapping[str, object]:
        """What a text may say of an update that goes out now and was due then."""
        now, since = self.scene.now, beat.since
        known = since - _COARSE if beat.told is not None else since
        happened = tuple(event for event in self.events if event.at > known)
        posted = tuple(c for c in cadence.posted(self.rhythm.history, since, now) if beat.told is None or c.at > since)
        outside = beat.address.external
        lines = "\n".join(str(one.after) if outside else f"{self._author(one)}: {one.after}" for one in posted)
        told = _listed(_for_outside(happened, beat, self.scene) if outside else with_reasons(happened))
        wanted = cadence.opens(self.scene.rules.calendars.get(beat.hours), due) or due
        following = Told(now, due).counted(beat.every) + beat.every
        eta = self.scene.facts["eta"]
        over = isinstance(eta, datetime) and eta <= now  # nobody can expect that any more
        return {
            **({"eta": None, "overdue": eta} if over else {"overdue": None}),
            "posted": lines,
            "happened": told,
            "heard": beat.heard,
            "changed": "\n".join(filter(None, (lines, told))),
            "unchanged": None if happened or posted else self.last,
            "late": wanted if now - wanted > beat.every / 10 else None,
            "last_update": beat.told.at if beat.told is not None else None,
            "next_update": self.rhythm.quiet.out(beat.rule, following, beat.hours),
        }

    def _author(self, change: Change) -> str:
        """Who posted an update, as people call them."""
        key = str(change.by or "")
        known = self.scene.rules.people.get(key)
        return str(known) if known is not None else key

    # -- reminders

    def reminder(self, together: tuple[Beat, ...]) -> Iterator[Effect]:
        """The reminder before updates that go out by themselves at one moment, to whoever is to post one.

        What would be held until after that moment is none.
        """
        beat, to = together[0], self._whom(together[0].decision)
        out = beat.out
        if out is None or to is None:
            return
        due = out - max(cadence.notice(one.rule, one.every) for one in together)
        again = cadence.snoozed(self.rhythm.history, beat.base, self.scene.now)
        due = due if again is None else max(due, again)
        told = self.rhythm.quiet.out(beat.rule, due)
        if told is None or told >= out:
            return
        words = {
            **(self.words(beat, beat.due) if due <= self.scene.now else {}),
            "audiences": _and(list(dict.fromkeys(one.name for one in together))),
            "next_update": out,
        }
        moment = Moment(due, due, 1, (to,), standard(REMINDER), words=words)
        asked = ("update", "skip", "snooze")
        yield from calls(
            Series(
                beat.decision,
                (moment,),
                standard(REMINDER),
                asked,
                POSTS,
                kind=REMIND,
                verb="remind",
                why=(f"{beat.rule.name or beat.rule.id}, before the update",),
                begun=max((beat.base, *(change.at for change in beat.skipped))),  # its buttons go when it is skipped
            ),
            self.scene,
        )

    def _whom(self, decision: Decision) -> Recipient | None:
        """Who is to post updates: the point of contact, else whoever has the ticket; None where that is nobody."""
        poc = (Recipient("role", "poc"),) if "poc" in self.scene.rules.roles else ()
        asked = (*poc, Recipient("assignee"))
        return next((one for one in asked if self.scene.addresses(decision, (one,))), None)


def _worth_telling(happened: Iterable[Event]) -> Iterator[Event]:
    """Each change once: by the event that has a name of its own, where there is one."""
    several = tuple(happened)
    named = {(event.at, event.field) for event in several if not event.kind.startswith("changed:")}
    for event in several:
        if event.field == "acknowledged" and event.after is None and event.by == OURSELVES:
            yield event  # it says that nobody answered
        elif event.field == "acknowledged" and event.after is None:
            yield replace(event, text=f"nobody takes care of it any more{f', says {event.by}' if event.by else ''}")
        elif event.kind.startswith("changed:"):
            known = (event.at, event.field) in named or (event.field == "phase" and (event.at, "") in named)
            over = event.field == "hold_reason" and not event.after  # that it goes on is told
            if not known and not over and event.field not in _SAYS_NOTHING | {"acknowledged"}:
                yield event
        elif event.kind not in {"commented", "created"}:
            yield event


def _for_outside(happened: Iterable[Event], beat: Beat, scene: Scene) -> Iterator[Event]:
    """What people outside may hear of: changes of the fields that their audience is told, without who made them."""
    audience = scene.rules.audiences.get(beat.address.audience)
    told = audience.fields if audience is not None else ()
    return (replace(one, text=one.text.removesuffix(f" by {one.by}")) for one in happened if one.field in told)


def _and(names: list[str]) -> str:
    """Several as people say them: `management, sales and customers`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _listed(happened: Iterable[Event]) -> str:
    """What happened, as one sentence without its end; of much the latest."""
    told = tuple(dict.fromkeys(event.text for event in happened))
    more = f"{len(told) - MOST} more before: " if len(told) > MOST else ""
    return f"{more}{'; '.join(told[-MOST:])}"
