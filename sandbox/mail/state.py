"""The world of the mail server: mailboxes, accounts, what goes wrong on demand, and what was delivered to whom.

What goes wrong: a `Hitch` at a stage of the talk over SMTP (an answer of its own, a connection that is dropped before
or after the mail was taken, an answer that comes late) or IMAP. Every address that somebody writes to has a mailbox,
unless `strict` says that strangers are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Literal, TypeAlias

from sandbox.clock import Clock
from sandbox.mail.world import Mail, Mailbox, Thread

Stage: TypeAlias = Literal["connect", "ehlo", "auth", "mail", "rcpt", "data", "end", "imap"]
"""Where in a talk: after DATA was asked for (`data`), after the final dot (`end`), any command of IMAP (`imap`)."""


@dataclass(frozen=True, slots=True)
class Hitch:
    """What happens at a stage, `times` times.

    `answer` is sent instead of the server's own, such as `451 4.7.1 try again`. `done`: the mail is taken first.
    `drop` closes the connection without an answer; `wait` is how long, in real seconds, the answer takes. `to`
    picks a recipient (or, of IMAP, a command such as `LOGIN`); empty is any.
    """

    stage: Stage
    answer: str = ""
    done: bool = False
    drop: bool = False
    wait: float = 0.0
    times: int = 1
    to: str = ""


class MailState:
    """The mailboxes. The faces (`smtp`, `imap`, `graph`) deliver here and read here; tests and pages look."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.lock = RLock()
        self.mailboxes: dict[str, Mailbox] = {}
        self.accounts: dict[str, str] = {}
        self.auth_required = False
        self.strict = False
        self.connections = 0
        self.talk: list[str] = []
        self._hitches: list[tuple[Hitch, list[int]]] = []
        self._uids = 0

    def mailbox(self, address: str, name: str = "") -> Mailbox:
        """Somebody's mailbox, made where there is none."""
        with self.lock:
            made = self.mailboxes.setdefault(address.lower(), Mailbox(address.lower()))
            made.name = name or made.name
            return made

    def account(self, address: str, password: str) -> Mailbox:
        """A mailbox that can be signed in to."""
        with self.lock:
            self.accounts[address.lower()] = password
            return self.mailbox(address)

    def signs_in(self, user: str, password: str) -> bool:
        """Whether this is somebody's password."""
        return bool(password) and self.accounts.get(user.lower()) == password

    def takes(self, address: str) -> bool:
        """Whether mail for this address is taken."""
        return not self.strict or address.lower() in self.mailboxes

    def deliver(self, sender: str, to: Iterable[str], raw: bytes) -> None:
        """Put a mail into the mailbox of each recipient, and into the sender's `Sent` where they have one."""
        with self.lock:
            everybody = tuple(to)
            for address in everybody:
                self.mailbox(address).mails.append(self._mail(sender, everybody, raw))
            if sender.lower() in self.mailboxes:
                sent = self._mail(sender, everybody, raw)
                sent.folder, sent.seen = "Sent", True
                self.mailboxes[sender.lower()].mails.append(sent)

    def inbox(self, address: str) -> list[Mail]:
        """What came in for an address, oldest first."""
        with self.lock:
            return self.mailbox(address).inbox()

    def threads(self, address: str) -> list[Thread]:
        """The threads in a mailbox."""
        with self.lock:
            return self.mailbox(address).threads()

    def now(self) -> datetime:
        """The sandbox's time."""
        return self.clock.now()

    def until(self, moment: datetime) -> MailState:
        """The mailboxes as they were at a moment: mails do not change once they are delivered."""
        then = MailState(self.clock)
        with self.lock:
            for address, box in self.mailboxes.items():
                kept = [mail for mail in box.mails if mail.at <= moment]
                then.mailboxes[address] = Mailbox(address, box.name, kept)
        return then

    # -- what goes wrong

    def hitch(self, hitch: Hitch) -> None:
        """Let this happen at the next such stages, after what was asked for earlier."""
        with self.lock:
            self._hitches.append((hitch, [hitch.times]))

    def heal(self) -> None:
        """Forget all that was to go wrong."""
        with self.lock:
            self._hitches.clear()

    def hit(self, stage: Stage, *about: str) -> Hitch | None:
        """What goes wrong here, used up by one."""
        with self.lock:
            for hitch, left in self._hitches:
                picked = not hitch.to or hitch.to.lower() in {each.lower() for each in about}
                if hitch.stage == stage and left[0] > 0 and picked:
                    left[0] -= 1
                    return hitch
        return None

    def _mail(self, sender: str, to: tuple[str, ...], raw: bytes) -> Mail:
        self._uids += 1
        return Mail(self._uids, self.now(), sender, to, raw)
