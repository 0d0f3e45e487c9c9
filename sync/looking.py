"""One look at one ticket: settle what was left open, decide, claim, do, record.

Nothing goes out unless this look has just written its claim, and a claim travels in the same request as the edit it
belongs to. Everything whose place can be searched is claimed at once; the others one by one, recording one and
claiming the next in a single write. What is retired needs no claim: taking buttons off twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Comment, Edit, Found, Ticket, Topic
from sync import deeds
from sync import log as ticket_log
from sync.claims import claims
from sync.effects import Effect
from sync.items import ASK_AGAIN
from sync.ledger import Entry, Failure, Ledger, Outcome, nearly_full, reason
from sync.log import LOG_KEY
from sync.memory import UNWRITABLE_PAUSE
from sync.perform import CHANNEL, Performer, begun, together, token
from sync.plan import Batch, Plan, make_plan
from sync.settle import ended, settled

if TYPE_CHECKING:
    from sync.look import Engine

log = structlog.get_logger()

OLDEST_LOOK: Final = timedelta(seconds=30)
"""A look older than this claims, sends and records nothing more: another process may have taken over."""


class Look:
    """One look at one ticket, from the moment it was read."""

    def __init__(self, engine: Engine, ticket: Ticket, started: datetime) -> None:
        self.engine, self.ticket, self.started = engine, ticket, started
        self.lines: list[str] = []
        self.skipped: list[datetime] = []
        self.ledger = Ledger(ticket.ref)
        self.stored = Ledger(ticket.ref)
        self.written: Ledger | None = None
        self.claimable = True
        self.outdated = False
        self.unwritable = self.unlogged = ""
        self.resting = True
        about = Topic(ticket.ref, ticket.key, ticket.summary, ticket.url)
        self.performer = Performer(engine.sinks, engine.manners, engine.clock, self.expired, about)

    def expired(self) -> bool:
        """Whether this look has grown too old to change anything more."""
        return self.engine.clock() - self.started > OLDEST_LOOK

    def run(self) -> datetime | None:
        """Settle, decide, do, record; answers the wake. What is done and not written down stays in memory."""
        with structlog.contextvars.bound_contextvars(ticket=self.ticket.key):
            try:
                return self._run()
            finally:
                self._keep_unwritten()

    def _run(self) -> datetime | None:
        engine, now = self.engine, self.engine.clock()
        engine.memory.seen(self.ticket, engine.rules)
        if self.expired() and not engine.memory.late(self.ticket.ref):
            return now  # the tracker's clock jumped, or it was slow this once
        if self.expired():
            said = f"{self.ticket.key}: nothing is done for it, since it takes longer than 30 seconds to read"
            engine.tell(self.ticket.key, {"slow": said})
            return now + UNWRITABLE_PAUSE
        engine.memory.slow.discard(self.ticket.ref)
        self.stored = self.written = Ledger.loads(self.ticket.ledger, self.ticket.ref)
        self.ledger = engine.memory.completed(self.stored)
        self.ledger = settled(self.ledger, engine.sinks, now)
        plan = make_plan(self.ticket, self.ledger, engine.rules, engine.world(self.ticket, self.ledger), now)
        engine.memory.closing(self.ticket.ref, restricted=plan.restriction is not None)
        self.lines.extend(ticket_log.told_late(plan, ticket_log.untold(self.ledger), engine.rules))
        self.ledger = ended(self.ledger, plan.ledger, engine.sinks, now)
        if self.ledger is not plan.ledger:
            self.skipped.append(now + ASK_AGAIN)
        self._count_unexplained(plan)
        for batch in plan.batches():
            if self.expired():
                return engine.clock()
            self._do(batch)
            if self.outdated:
                break
        return self._finish(plan)

    # -- doing

    def _count_unexplained(self, plan: Plan) -> None:
        engine = self.engine
        if engine.holding or engine.freed or engine.explained(self.ticket, self.ledger):
            return
        owed = (item.effect for item in plan.of("owed") if not item.lifted)
        engine.unexplained |= {
            (self.ticket.ref, effect.key)
            for effect in owed
            if effect.sort in {"field", "standing", "retire"} and effect.key not in self.ledger.open_claims()
        }
        if len(engine.unexplained) > engine.site.edits:
            engine.holding = True
            engine.notices["flood"] = (
                f"more than {engine.site.edits} changes that only the rules account for; the rest is held until "
                "`pointman release`"
            )

    def _do(self, batch: Batch) -> None:
        """Claim a batch together with its edit, perform it, and keep the outcomes for the next write."""
        now = self.engine.clock()
        ready = tuple(group for group in together(batch.effects) if self._open(group, now))
        if (not ready and batch.edit is None) or self.expired():
            return
        claimed = self.ledger
        for effect in batch.fields:
            claimed = claimed.with_entry(effect.key, Entry(now, now, effect.digest))
        ready, claimed = claims(ready, claimed, now)
        if claimed != self.ledger or batch.edit is not None:
            self._claim(batch, claimed)
        going = tuple(effect for group in ready for effect in group if self.claimable or effect.sort == "call")
        if not self.expired() and not self.outdated:
            self._perform(going)

    def _open(self, group: tuple[Effect, ...], now: datetime) -> bool:
        opens = self.engine.manners.gate.opens(group[0].product, group[0].address, now)
        if opens > now:
            self.skipped.append(opens)
        return opens <= now

    def _claim(self, batch: Batch, claimed: Ledger) -> None:
        """Write the claims, with the edit in the same request; a refused edit is taken out, the rest written again."""
        edit = batch.edit
        if not self.claimable:
            self.ledger = self._without(batch, claimed)
            return
        if not claimed.fits():
            self._unclaimable(claimed, batch, Refused("its ledger is full"))
            return
        try:
            self._write(edit, claimed)
        except Refused as error:
            if edit is None:
                self._unclaimable(claimed, batch, error)
            else:
                self._claim_without(edit, batch, claimed, error)
            return
        except (Denied, Missing) as error:
            self._unclaimable(claimed, batch, error)
            return
        self._applied(edit, batch)
        if not self._kept():
            self._unclaimable(claimed, batch, Refused("the tracker answered success and dropped the ledger"))

    def _claim_without(self, edit: Edit, batch: Batch, claimed: Ledger, error: Refused) -> None:
        """Write a batch's edit again without the words that were refused: all of them, where the tracker does not say.

        Nothing else is claimed: it was decided for a ticket that has these words, and so is decided anew. Where that
        is refused as well, it is the ledger that cannot be written, and no word is to blame.
        """
        left, blamed, kept = dict(edit.fields), dict[str, str](), self.ledger
        while True:
            blamed |= {w: r for w, r in error.fields.items() if w in left} or dict.fromkeys(left, str(error))
            left = {word: value for word, value in left.items() if word not in blamed}
            for effect in batch.fields:
                kept = kept.with_entry(effect.key, self._tried(effect, blamed))
            try:
                self._write(Edit(left) if left else None, kept)
            except Refused as again:
                if left:
                    error = again
                    continue
                self._unclaimable(claimed, batch, again)
            except (Denied, Missing) as denied:
                self._unclaimable(claimed, batch, denied)
            else:
                self._without_words(Edit(left), batch, blamed)
            return

    def _tried(self, effect: Effect, blamed: Mapping[str, str]) -> Entry:
        now, said = self.engine.clock(), blamed.get(_word(effect))
        if said is None:
            return Entry(now, now, effect.digest)
        before = self.ledger.entries.get(effect.key) or Entry()
        return replace(before, failure=Failure(now, effect.digest, reason(said)))

    def _without_words(self, edit: Edit, batch: Batch, blamed: Mapping[str, str]) -> None:
        """A batch was written without the words that were refused; everything else is decided anew."""
        self.outdated = True
        now, rules = self.engine.clock(), self.engine.rules
        fields = tuple(effect for effect in batch.fields if _word(effect) in edit.fields)
        self._applied(edit, replace(batch, fields=fields))
        for effect in batch.fields:
            if effect not in fields:
                outcome = Outcome(effect.key, failure=blamed[_word(effect)])
                self.lines.append(ticket_log.effect_line(effect, outcome, rules, now))

    def _unclaimable(self, claimed: Ledger, batch: Batch, error: ConnectorError) -> None:
        """Where not even a claim can be written: calls go out all the same, and what was done stays in the process."""
        self.claimable = False
        self.ledger = self._without(batch, claimed)
        said = f"{self.ticket.key}: what is done cannot be written on the ticket, so calls go out unclaimed: {error}"
        self.unwritable = said
        log.warning("ledger not writable", key=self.ticket.key, said=str(error))

    def _without(self, batch: Batch, claimed: Ledger) -> Ledger:
        """A ledger with what was to be done as it was before, since none of it was written; but for calls, which go."""
        stored = self.written or Ledger(self.ticket.ref)
        for effect in (*batch.fields, *batch.effects):
            for key in (effect.key, *effect.was) if effect.sort not in {"call", "retire"} else ():
                claimed = claimed.with_entry(key, stored.entries.get(key))
        return claimed

    def _applied(self, edit: Edit | None, batch: Batch) -> None:
        now = self.engine.clock()
        self.lines.extend(ticket_log.field_line(effect, self.engine.rules, now) for effect in batch.fields)
        for effect in batch.fields:
            log.info("effect done", key=effect.key, sort=effect.sort, what=effect.what, why="; ".join(effect.why))
        if edit is not None and edit.fields:
            self.ticket = self.ticket.having(edit.fields, now, self.engine.tracker.me())

    def _write(self, edit: Edit | None, ledger: Ledger) -> None:
        """Write an edit and the ledger in one request."""
        self.engine.memory.wrote(self.ticket.ref, edit)  # before, since its echo may overtake the answer
        self.engine.tracker.write(self.ticket.ref, edit, ledger.dumps())
        self.ledger = self.written = ledger

    def _kept(self) -> bool:
        """Whether the tracker kept the ledger, which is read back once per process and project."""
        project, seen = self.ticket.project, self.engine.memory.read_back
        if project in seen:
            return True
        stored = self.engine.tracker.get(self.ticket.ref).ledger
        wrote = Ledger.loads(self.ledger.dumps(), self.ticket.ref)  # the document knows whole milliseconds
        if stored is None or Ledger.loads(stored, self.ticket.ref) != wrote:
            self.written = Ledger.loads(self.ticket.ledger, self.ticket.ref)
            return False
        seen.add(project)
        return True

    def _perform(self, ready: tuple[Effect, ...]) -> None:
        if not self.claimable:
            ready = self._not_there_yet(ready)
        by_key = {effect.key: effect for effect in ready}
        hushed = None
        for outcome in self.performer.perform(ready, self.ledger):
            effect, now = by_key[outcome.key], self.engine.clock()
            if effect.sort == "retire":
                if outcome.done or outcome.failure:
                    self.ledger = self.ledger.with_entry(
                        effect.key, replace(self.ledger.entries[effect.key], retired=True)
                    )
                continue
            before = self.ledger.entries.get(effect.key) or Entry()
            self.ledger = self.ledger.recorded(outcome, now)
            if outcome.done and self._hushed(effect, before):
                hushed = now
            elif (outcome.done or outcome.failure) and not effect.watched:
                self.lines.append(ticket_log.effect_line(effect, outcome, self.engine.rules, now))
            if outcome.done and effect.sort == "news" and self.engine.late:
                told = replace(self.ledger.entries[effect.key], stale=())
                self.ledger = self.ledger.with_entry(effect.key, told)
        if hushed is not None and not self.lines:  # else a death now would lose the lines that are not written yet
            entry = self.ledger.entries.get(LOG_KEY) or Entry()
            self.ledger = self.ledger.with_entry(LOG_KEY, replace(entry, at=hushed))

    def _hushed(self, effect: Effect, before: Entry) -> bool:
        """Whether it is not told: a card brought up to date is no news, and a journal takes a note for every line."""
        standing = effect.sort == "standing" and bool(before.ref) and not effect.external and not effect.watched
        return standing and not self.engine.tracker.edits_comments

    def _not_there_yet(self, ready: tuple[Effect, ...]) -> tuple[Effect, ...]:
        """Of calls that could not be claimed, those that are not found where they would stand."""
        left = []
        for effect in ready:
            sink = self.engine.sinks[effect.product]
            answer = None
            if sink.searchable:
                try:
                    since = begun(effect.key, effect.moment)
                    answer = sink.find(effect.address, token(self.ledger.ref, effect.key, effect.moment), since)
                except ConnectorError as error:
                    log.warning("could not look for it first", key=effect.key, said=str(error))
            if isinstance(answer, Found):
                self.ledger = self.ledger.recorded(Outcome(effect.key, ref=answer.ref, done=True), self.engine.clock())
            else:
                left.append(effect)
        return tuple(left)

    # -- recording

    def _finish(self, plan: Plan) -> datetime | None:
        """Write what is not written yet, with the log in the same request; answers when to look again."""
        engine, ref = self.engine, self.ticket.ref
        now = engine.clock()
        after, acted = plan, self._act(plan, now)
        if plan.owed or self.ledger is not plan.ledger:
            after = make_plan(self.ticket, self.ledger, engine.rules, engine.world(self.ticket, self.ledger), now)
        comment = None
        if engine.log_owed(after, self.ledger, self.lines):
            comment = self._log(after)
        if (self.ledger != self.written or comment is not None) and not self.expired():
            self._record(Edit(comment=comment) if comment is not None else None)
        if acted and self.ledger is not self.written:  # nothing may follow from what nobody knows
            self.skipped.append(now)
        engine.memory.planned(self.ticket, after)
        length = len(
            self.written.dumps()
            if self.written is not None and self.written is not self.stored
            else self.ticket.ledger or ""
        )
        ours = {"ledger": self.unwritable, "log": self.unlogged, **nearly_full(self.ticket.key, length)}
        engine.tell(self.ticket.key, {**after.notices, **{topic: said for topic, said in ours.items() if said}})
        waits = [*self._again(after, now), *self.skipped, *([after.wake] if after.wake is not None else [])]
        if self.unwritable:
            return min(self._later(after, now))
        engine.memory.unwritable.pop(ref, None)
        if self._keep_unwritten():
            return min(waits, default=None)
        engine.memory.versions[ref] = self.ticket.version
        live = (item.effect for item in after.items if item.status in {"next", "owed"})
        comes = any(one.key.startswith(CHANNEL) or self._timed(one) for one in live)
        if self._over(now) and not after.silenced and not comes:
            news = {"stale"} & after.notices.keys() if self.written is not self.stored else set()
            engine.tell(self.ticket.key, {topic: after.notices[topic] for topic in news})
            engine.memory.forget(ref)
            return None
        return min(waits, default=None)

    def _timed(self, effect: Effect) -> bool:
        """Whether it is of a clock, which may run on when the ticket is over."""
        rule = self.engine.rules.by_id.get(effect.rule)
        return rule is not None and rule.kind == "objective"

    def _act(self, plan: Plan, now: datetime) -> bool:
        """Do what comes of silence, in our own name: whether there is any. It is written with the rest."""
        ours = [effect for effect in plan.owed if effect.sort == "act"]
        self.ledger = deeds.done(ours, self.ledger, now)
        self.lines.extend(ticket_log.field_line(effect, self.engine.rules, now) for effect in ours)
        return bool(ours)

    def _over(self, now: datetime) -> bool:
        """Whether nothing more will be done: nobody touched it for the grace since it was resolved, or left us."""
        over = self.ticket.phase in {"resolved", "closed"} or not self.engine.tracker.covers(self.ticket)
        last = self.engine.touched(self.ticket, self.ledger)
        return over and last < now - self.engine.site.grace and not self.ledger.open_claims()

    def _again(self, after: Plan, now: datetime) -> list[datetime]:
        """When to come back for what is owed still: when its product may be spoken to."""
        opens = self.engine.manners.gate.opens
        return [opens(effect.product, effect.address, now) if effect.product else now for effect in after.owed]

    def _later(self, after: Plan, now: datetime) -> list[datetime]:
        """When to come back where the ledger could not be written: for calls in time, for all else ever more rarely."""
        pause = self.engine.memory.rest(self.ticket.ref) if self.resting else UNWRITABLE_PAUSE
        calls = [item for item in after.items if item.effect.sort == "call"]
        coming = [item.at for item in calls if item.status in {"next", "held"} and item.at is not None]
        owed = [now + UNWRITABLE_PAUSE for item in calls if item.status == "owed"]
        return [now + pause, *(max(at, now + timedelta(seconds=1)) for at in coming), *owed]

    def _keep_unwritten(self) -> bool:
        """Keep in the process what the ticket does not know; says whether there is any.

        What was just written counts as known only when it is read back, by the next look or a page of the sweep.
        """
        written = self.written.entries if self.written is not None else {}
        fresh = {
            key: replace(entry, claim=None)
            for key, entry in self.ledger.entries.items()
            if entry.at is not None and key != LOG_KEY and entry.at != (self.stored.entries.get(key) or Entry()).at
        }
        self.engine.memory.keep(self.ticket.ref, fresh)
        return any(written.get(key) != self.ledger.entries[key] for key in fresh)

    def _log(self, after: Plan) -> Comment:
        entry = self.ledger.entries.get(LOG_KEY) or Entry()
        said = Entry(self.engine.clock(), None, ticket_log.next_sum(after), entry.ref)
        self.ledger = self.ledger.with_entry(LOG_KEY, said)
        known = not self.engine.tracker.edits_comments and said.sum == entry.sum  # an earlier note says it
        coming = () if known else ticket_log.next_lines(after, self.engine.rules)
        return self.engine.logged(self.ticket, dict.fromkeys(self.lines), coming)  # a call in two roles is one call

    def _record(self, edit: Edit | None) -> None:
        """The last write of a look. What cannot be recorded stays in the process until it is written."""
        if not self.claimable:
            return
        try:
            self._write(edit, self.ledger)
        except Refused as refused:
            try:
                self._write(None, self.ledger)
                self.unlogged = f"{self.ticket.key}: the log on the ticket could not be written: {refused}"
            except ConnectorError as error:
                self._unrecorded(error)
        except ConnectorError as error:
            self._unrecorded(error)

    def _unrecorded(self, error: ConnectorError) -> None:
        self.resting = not isinstance(error, Temporary)  # that is the tracker's, and soon over
        self.unwritable = f"{self.ticket.key}: what was done could not be written on the ticket yet: {error}"
        log.warning("outcome not recorded", key=self.ticket.key, said=str(error))


def _word(effect: Effect) -> str:
    return effect.key.removeprefix("field:")
