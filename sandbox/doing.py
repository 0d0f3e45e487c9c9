"""What somebody does in the page's panes of Teams and of the mailboxes: it is done there as that person does it.

A click on a card travels to Pointman as Teams sends it, an invoke under a signed token; a reply to a mail is a mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, TypeAlias

from sandbox.teams import Delivered, TeamsSandbox
from sandbox.teams.cards import actions, inputs
from sandbox.teams.world import Conversation, Json, Message, Person
from sandbox.world import World

if TYPE_CHECKING:  # who has no mail does not wait for what it needs to be served
    from sandbox.mail.world import Mail

Form: TypeAlias = Mapping[str, str]


class Doing:
    """Acts by name, each a function of a form that was sent: it answers a sentence, or raises LookupError, ValueError.

    `touch` is told every text that somebody has a hand in.
    """

    def __init__(self, world: World, touch: Callable[..., None]) -> None:
        self.world, self._touch = world, touch
        self.acts: Mapping[str, Callable[[Form], str]] = {
            "press": self._press,
            "write": self._write,
            "close": self._close,
            "reply": self._reply,
        }

    @property
    def _teams(self) -> TeamsSandbox:
        if self.world.teams is None:
            raise LookupError("there is no Teams here")
        return self.world.teams

    def _person(self, form: Form, place: Conversation) -> Person:
        """Who acts: in a chat it is the one whose chat it is."""
        people = self._teams.state.people
        if place.person:
            return people[place.person]
        found = next((person for person in people.values() if person.name == form["by"]), None)
        if found is None:
            raise LookupError("there is no such person")
        return found

    def _press(self, form: Form) -> str:
        """Click a button of a card, of a message or of a dialog."""
        if "dialog" in form:
            return self._fill(form)
        place, message = self._message(form)
        by = self._person(form, place)
        told, label = self._given(message.seen_by(by.id), form)
        self._touch(str(message.card), message.text)
        answered = self._teams.people.click(by, message, label, told)
        return _said(f"{by.real_name} clicked {label}", answered)

    def _fill(self, form: Form) -> str:
        dialog = self._teams.state.dialogs[form["dialog"]]
        told, label = self._given(dialog.card, form)
        self._touch(str(dialog.card))
        answered = self._teams.people.fill_in(dialog, told, label)
        return _said(f"{self._teams.state.people[dialog.person].real_name} sent the form", answered)

    def _given(self, shown: Json | None, form: Form) -> tuple[dict[str, str], str]:
        """The fields of the card on which the button stands, and the button's label."""
        buttons = list(actions(shown))
        number = int(form.get("button", "-1"))
        if not 0 <= number < len(buttons):
            raise LookupError("that button is gone")
        inside, action = buttons[number]
        names = [element["id"] for element in inputs(inside)]
        told = {name: form.get(f"field:{name}", "") for name in names}
        return told, str(action.get("id") or action.get("title") or "")

    def _write(self, form: Form) -> str:
        """Write into a channel, where the bot hears what is said to it, or into the chat with it."""
        teams, text = self._teams, form["text"].strip()
        place = teams.state.conversations[form["conversation"]]
        by = self._person(form, place)
        if not text:
            raise ValueError("there is nothing to say")
        named = f"@{teams.state.bot_name}".lower()
        if not place.person and not text.lower().startswith(named):
            teams.state.say(by, place, escape(text, quote=False))
            return f"{by.real_name} wrote."
        said = text[len(named) :].strip() if text.lower().startswith(named) else text
        self._touch(said)
        return _said(f"{by.real_name} wrote to {teams.state.bot_name}", teams.people.mention(by, place, said))

    def _close(self, form: Form) -> str:
        self._teams.state.dialogs.pop(form["dialog"], None)
        return "The form is closed."

    def _reply(self, form: Form) -> str:
        """Answer the last mail of a thread. It comes from the person's own address, also where a list was told."""
        if self.world.mail is None:
            raise LookupError("there is no mail here")
        text, by = form["text"].strip(), self.world.members[form["by"]]
        if not text:
            raise ValueError("the reply is empty")
        mail = self._mail(form["box"], int(form["uid"]))
        self._touch(mail.subject, mail.text)
        self.world.mail.people.reply(mail, f"{by.real_name} <{by.email}>", text)
        return f"{by.real_name} replied."

    def _message(self, form: Form) -> tuple[Conversation, Message]:
        place = self._teams.state.conversations[form["conversation"]]
        message = place.message(form["message"])
        if message is None or message.deleted:
            raise LookupError("the message is gone")
        return place, message

    def _mail(self, box: str, uid: int) -> Mail:
        assert self.world.mail is not None  # noqa: S101  (whoever asks has looked)
        with self.world.mail.state.lock:
            found = next((mail for mail in self.world.mail.state.mailbox(box).mails if mail.uid == uid), None)
        if found is None:
            raise LookupError("the mail is gone")
        return found


def _said(done: str, answered: Delivered) -> str:
    if answered.failed:
        return f"{done}, but Pointman did not take it ({answered.status or 'no answer'})."
    return f"{done}."
