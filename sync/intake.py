"""What comes in: a change asks for a look, a command takes the ticket's turn, an alert finds or makes its ticket.

Nothing of a webhook is believed but which ticket it is about. A delivery that comes again within ten minutes is taken
once. An alert is answered only when its ticket exists, so that the monitor tries again when it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import Any, Literal, Protocol, TypeAlias

import structlog

from connectors.base import Messenger, Tracker
from connectors.errors import ConnectorError, Missing, Refused, Temporary
from connectors.model import Alert, Changed, Command, Comment, Edit, Form, Signal, Ticket
from rules.language import ASKING, PLACELESS
from sync import metrics, rung
from sync.certain import Certain
from sync.clicks import PATIENCE, Click, Doer
from sync.queue import Queue
from sync.recent import REMEMBERED, Recent

log = structlog.get_logger()

HEALED_AFTER = timedelta(minutes=2)
"""When a created ticket is looked for again: longer than any tracker's search lags."""
LOGGED = 200
"""So much of an answer is logged."""
UNLOGGED = {*ASKING, *PLACELESS}
"""Verbs whose answers are for the person alone: they say what stands in tickets, which may be restricted."""
OVER = ("resolved", "closed")

Outcome: TypeAlias = Literal["queued", "echo", "repeated"]


class Looker(Doer, Protocol):
    """What the intake knows of the engine."""

    def is_echo(self, changed: Changed) -> bool:
        """Whether every change of it is one that we just made."""

    def read(self, command: Command) -> Command | str:
        """The command with its parts in their places, where it came in words; or why it is none."""

    def placeless(self, command: Command) -> tuple[str, str]:
        """Carry out what is about no ticket: the answer, and the ref of a ticket that it made, if any."""

    def form(self, command: Command) -> Form | None:
        """What to ask the person for before it can be carried out; None where nothing is missing."""

    def here(self, command: Command, channel: str) -> str:
        """The ref of the ticket whose own this channel is, where a command was typed; else empty."""

    def which(self, command: Command) -> str:
        """The question which ticket a command means, with those that it may be."""

    def knows(self, ref: str) -> bool:
        """Whether this is the immutable id of a ticket that was looked at."""


class Intake:
    """Where every signal goes, whichever way it came in."""

    def __init__(
        self,
        tracker: Tracker,
        engine: Looker,
        queue: Queue,
        messengers: Mapping[str, Messenger],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine, self._queue, self._tracker, self._messengers = engine, queue, tracker, messengers
        self._deliveries = Recent(clock)
        self._people = ThreadPoolExecutor(8, "commands")
        self._rung = ThreadPoolExecutor(4, "rung")  # who was called may have to be looked up: no click waits for that
        self._asked: set[Future[Any]] = set()
        self._clock = clock
        self._certain = Certain(self._deliveries, self._rung, self._answered)
        self.alerts = Alerts(tracker, queue, clock)

    def take(self, signal: Changed | Command, carried_out: Callable[[], None] = lambda: None) -> Outcome:
        """Take a change or a command; what is to be done happens later and elsewhere.

        `carried_out` is told when a command stands on its ticket, or nothing will: from then on it cannot be lost.
        """
        outcome = self._changed(signal) if isinstance(signal, Changed) else self._command(signal, carried_out)
        metrics.SIGNALS.labels(type(signal).__name__.lower(), outcome).inc()
        return outcome

    def certain(self, command: Command) -> Future[bool]:
        """Take a command whose sender delivers it again until all is well: whether it is. See `sync.certain`."""
        asked, new = self._certain.take(command)
        metrics.SIGNALS.labels("command", "queued" if new else "repeated").inc()
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return asked

    def _answered(self, command: Command) -> bool:
        try:
            well = tuple(self._answered_one(one) for one in self._calls(command))  # one that fails stops no other
            return all(well)
        except Temporary as error:
            log.warning("not taken yet", source=command.source, call=command.reply, error=str(error))
            return False
        except ConnectorError as error:  # it would be denied again
            log.warning("not known whose call it was", source=command.source, call=command.reply, error=str(error))
            return True

    def _calls(self, command: Command) -> tuple[Command, ...]:
        """The command for each call that it is about: a service may gather several in one."""
        messenger = self._messengers.get(command.source)
        calls = messenger.called(command) if messenger is not None else (command.reply,)
        return tuple(replace(command, reply=call) for call in calls)

    def _answered_one(self, command: Command) -> bool:
        try:
            placed = self._called(command)
            if placed is None:
                log.info("no call of ours", source=command.source, call=command.reply)
                return True
            said, click = self._carried_out(placed)
        except Missing:
            said, click, placed = f"There is no ticket {command.ref}, or Pointman may not see it.", None, command
        except (ConnectorError, TimeoutError) as error:  # a ticket that is busy for long: it stands there later
            log.warning("not taken yet", verb=command.verb, source=command.source, error=str(error))
            return False
        except Exception:  # it would fail again, and whoever cannot deliver for long may stop to try
            log.exception("command failed", verb=command.verb, source=command.source)
            return True
        log.info("command", verb=placed.verb, ref=placed.ref, by=str(placed.by), answer=said[:LOGGED])
        self._answer(placed, said, click)
        return True

    def _called(self, command: Command) -> Command | None:
        """The command with the ticket that the call was for; None where it was for none."""
        messenger = self._messengers.get(command.source)
        ref = command.ref or (messenger.about(command) if messenger is not None else "")
        found = ref or rung.ticket_of(command, self._tracker, self._clock() - REMEMBERED)
        return replace(command, ref=found) if found else None

    def heard(self, signal: Signal) -> Event:
        """Take a signal from a listener. What it answers is set when nothing can be lost of it any more."""
        carried_out = Event()
        if isinstance(signal, Command):
            self.take(signal, carried_out.set)
            return carried_out
        carried_out.set()
        if isinstance(signal, Changed):
            self.take(signal)
            return carried_out
        try:
            self.alerts.take(signal)
        except ConnectorError as error:  # the sweep asks the monitor again
            log.warning("alert not taken", fingerprint=signal.fingerprint, error=str(error))
        return carried_out

    def close(self, patience: timedelta = timedelta(seconds=PATIENCE)) -> bool:
        """Take nothing more; what people have asked for is still answered. Whether all were, in time."""
        self._people.shutdown(wait=False)
        self._rung.shutdown(wait=False)
        return not wait(list(self._asked), patience.total_seconds()).not_done

    def _changed(self, changed: Changed) -> Outcome:
        if changed.delivery and not self._deliveries.add("changed", changed.delivery, changed.ref):
            return "repeated"
        if self._engine.is_echo(changed):
            return "echo"
        self._queue.put(changed.ref)
        return "queued"

    def _command(self, command: Command, carried_out: Callable[[], None]) -> Outcome:
        if command.id and not self._deliveries.add("command", command.source, command.id):
            carried_out()
            return "repeated"
        asked = self._people.submit(self._ask, command, carried_out)
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return "queued"

    def _asked_back(self, command: Command) -> bool:
        """Whether the person was asked for what the command lacks; it then comes back as another command."""
        form, messenger = self._engine.form(command), self._messengers.get(command.source)
        if form is None or messenger is None:
            return False
        try:
            messenger.ask(command, form)
        except ConnectorError as error:  # then the answer says what is missing
            log.info("person not asked back", verb=command.verb, error=str(error))
            return False
        return True

    def _ask(self, command: Command, carried_out: Callable[[], None]) -> None:
        """Have the command carried out in the ticket's turn, and tell the person."""
        try:
            said, click = self._said(command)
        finally:
            carried_out()
        self._answer(command, said, click)

    def _said(self, command: Command) -> tuple[str, Click | None]:
        """What to tell the person after all was done, nothing where they were asked back; and the click, if it took
        its ticket's turn.
        """
        read = self._engine.read(command)
        if isinstance(read, str):
            return read, None
        placed = self._placed(read)
        return ("", None) if self._asked_back(placed) else self._done(placed)

    def _placed(self, command: Command) -> Command:
        """The command with the ticket that the place tells where it came from, where it names none."""
        messenger = self._messengers.get(command.source)
        if command.ref or command.verb in PLACELESS or messenger is None:
            return command
        if messenger.rings:  # whose call it was is found when it is carried out
            return command
        try:
            channel = messenger.room(command)
            return replace(command, ref=messenger.about(command) or (channel and self._engine.here(command, channel)))
        except ConnectorError as error:  # then the person is asked
            log.info("a place does not tell its ticket", source=command.source, error=str(error))
            return command

    def _done(self, command: Command) -> tuple[str, Click | None]:
        """Carry it out; what to tell the person."""
        failed = True
        click: Click | None = None
        try:
            if command.verb in PLACELESS and not command.ref:
                said, made = self._engine.placeless(command)
                if made:
                    self._queue.put(made)
            else:
                said, click = self._carried_out(command)
            failed = False
        except Missing:
            said = f"There is no ticket {command.ref}, or Pointman may not see it."
        except TimeoutError:  # its turn comes all the same
            said = "The ticket is busy. It will be done as soon as it is not; please look there in a minute."
        except ConnectorError as error:
            said = f"That could not be done now: {error}"
        except Exception:
            log.exception("command failed", verb=command.verb, ref=command.ref)
            said = "That could not be done: Pointman made a mistake. Its log says more."
        logged = said[:LOGGED] if failed or command.verb not in UNLOGGED else ""
        log.info("command", verb=command.verb, ref=command.ref, by=str(command.by), answer=logged)
        return said, click

    def _carried_out(self, command: Command) -> tuple[str, Click | None]:
        messenger = self._messengers.get(command.source)
        if not command.ref and messenger is not None and messenger.rings:
            command = self._called(command) or command
        if not command.ref:
            lost = "Nobody was called at this number for such a ticket."
            return lost if command.reply.startswith(rung.TO) else self._engine.which(command), None
        return self._in_turn(command)

    def _in_turn(self, command: Command) -> tuple[str, Click | None]:
        """Carry it out when it is the ticket's turn; where there is none such, the engine says so in its own way."""
        try:
            known = self._engine.knows(command.ref)  # a person may have typed a key: the queue gives turns by id
            ref = command.ref if known else self._tracker.get(command.ref).ref
        except Missing:
            return self._engine.command(command), None
        click = Click(command, self._engine)
        self._queue.turn(ref, click.take)
        return click.said(), click

    def _answer(self, command: Command, said: str, click: Click | None) -> None:
        """Tell the person; or show them what becomes of the message that they clicked."""
        messenger = self._messengers.get(command.source)
        if messenger is None or not said:
            return
        shown = click.becomes() if click is not None else None
        try:
            if shown is None:
                messenger.answer(command, said)
            else:
                messenger.show(command, shown.thing, said)
        except ConnectorError as error:
            log.warning("person not answered", source=command.source, error=str(error))


class Alerts:
    """Which ticket an alert belongs to: the one that has its fingerprint, else a new one.

    A ticket that is over answers only for what began before it was over; a later trouble with the same fingerprint
    has a ticket of its own, whose key carries the moment it began. So the key is the same whenever it is worked out.
    """

    def __init__(self, tracker: Tracker, queue: Queue, clock: Callable[[], datetime]) -> None:
        self._tracker, self._queue, self._clock = tracker, queue, clock
        self._tickets = Recent(clock)
        self._created: dict[str, tuple[str, datetime]] = {}
        self._turns = tuple(Lock() for _ in range(64))

    def take(self, alert: Alert) -> str | None:
        """Find its ticket or make it, and have it looked at; its ref. None: what is over never had one.

        Raises ConnectorError where there is no ticket yet; then the monitor must try again.
        """
        with self._turns[hash(alert.fingerprint) % len(self._turns)]:
            ref: str | None = self._tickets.get(alert.fingerprint, alert.since.isoformat())
            if not ref:
                ref, key = self._find(alert)
                if ref is None and alert.firing:
                    ref = self._create(alert, key)
            if ref is None:
                return None
            self._tickets.put(alert.fingerprint, alert.since.isoformat(), value=ref)
            self._tickets.put(alert.fingerprint, value=ref)
        if not alert.firing:
            self._queue.turn(ref, lambda: self._over(ref)).result(PATIENCE)
        self._queue.put(ref)
        return ref

    def heal(self) -> None:
        """Look again for what was created a while ago, and merge a double that search did not show at the time."""
        due = self._clock() - HEALED_AFTER
        for key, (ref, at) in list(self._created.items()):
            if at > due:
                continue
            first = self._tracker.find(key)
            if first is not None and first != ref:
                self._merge(self._tracker.get(first), self._tracker.get(ref))
            self._created.pop(key, None)

    def _find(self, alert: Alert) -> tuple[str | None, str]:
        """The ticket that answers for the alert, or None; and the key it has, or would have."""
        for key in (alert.fingerprint, _later(alert)):
            ref = self._tickets.get(key) or self._tracker.find(key)
            if ref is None:
                return None, key
            with suppress(Missing):  # deleted since
                if self._answers(self._tracker.get(ref), alert):
                    return ref, key
        return None, key

    def _answers(self, ticket: Ticket, alert: Alert) -> bool:
        if ticket.phase not in OVER:
            return True
        over = [c.at for c in ticket.history if c.field == "phase" and c.after in OVER and c.before not in OVER]
        return alert.since <= (over[-1] if over else ticket.updated)

    def _create(self, alert: Alert, key: str) -> str:
        ref = self._tracker.create(Edit(_words(alert)), key)
        self._created[key] = (ref, self._clock())
        log.info("ticket created", ref=ref, fingerprint=alert.fingerprint, source=alert.source)
        return ref

    def _over(self, ref: str) -> str:
        """The trouble is over: `restored` is now, unless somebody said so already or nothing keeps it."""
        ticket = self._tracker.get(ref)
        if "restored" in ticket.fields and ticket.fields["restored"] is None and ticket.phase not in OVER:
            with suppress(Refused):
                self._tracker.write(ref, Edit({"restored": self._clock()}), None)
        return ""

    def _merge(self, one: Ticket, other: Ticket) -> None:
        """Keep the one that a person touched, else the older; close the other, unless a person touched that too."""
        touched = [ticket for ticket in (one, other) if self._touched(ticket)]
        oldest = min((one, other), key=lambda ticket: (ticket.created, ticket.ref))
        kept = touched[0] if len(touched) == 1 else oldest
        spare = other if kept is one else one
        log.warning("double ticket", kept=kept.key, spare=spare.key)
        self._tickets.replace(spare.ref, kept.ref)
        said = Comment(f"The same alert has two tickets. This goes on in {kept.key}.")
        close = {} if len(touched) == 2 else {"phase": "closed"}
        self._queue.turn(spare.ref, lambda: self._close(spare.ref, Edit(close, said))).result(PATIENCE)

    def _close(self, ref: str, edit: Edit) -> str:
        try:
            self._tracker.write(ref, edit, None)
        except Refused:  # no such transition from here: the comment says enough
            self._tracker.write(ref, Edit({}, edit.comment), None)
        return ""

    def _touched(self, ticket: Ticket) -> bool:
        me = self._tracker.me()
        people = [c.by for c in ticket.history] + [c.by for c in ticket.comments]
        return any(by is not None and by != me for by in people)


def _later(alert: Alert) -> str:
    return f"{alert.fingerprint}-{int(alert.since.timestamp())}"


def _words(alert: Alert) -> dict[str, str]:
    """What a ticket says of the alert it was made for."""
    labels = "\n".join(f"- {name}: {value}" for name, value in sorted(alert.labels.items()))
    parts = (alert.description, labels, alert.url, f"From {alert.source}, since {alert.since:%Y-%m-%d %H:%M} UTC.")
    return {"summary": alert.summary, "description": "\n\n".join(part for part in parts if part)}
