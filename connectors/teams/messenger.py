"""Teams: cards in channels, threads and chats; clicks, commands and answers over the Bot Framework.

What stands in Teams cannot be searched: the Bot Framework has no request that reads a message, so `find` cannot tell.
For the same reason `retire` needs the card as we put it (docs/decisions/0030-teams-taking-buttons-off.md). A message's
ref is `conversation/message`, such as `19:…@thread.tacv2/1700000000123`.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.base import BadRequest, Messenger, Receipt, Request, Wanted
from connectors.errors import Refused, Temporary
from connectors.microsoft import BOTS, GRAPH, App, Tokens
from connectors.model import Channel, Command, Form, Message, Signal, User
from connectors.problems import Problem
from connectors.setup import Order, Setup, Step
from connectors.teams import incoming, waiting
from connectors.teams.cards import Json, activity, card, short, summary, without_buttons
from connectors.teams.carried import abouts, carried, carrying
from connectors.teams.checks import Check
from connectors.teams.client import Client, conversation
from connectors.teams.forms import INSTEAD, form_card
from connectors.teams.incoming import Reading
from connectors.teams.places import CHANNEL, Places, Spot, spot_from, spot_of
from connectors.teams.rooms import Rooms
from connectors.teams.settings import TeamsSettings
from connectors.teams.trust import HOSTS, KEPT, Expected, Keys, verified

REMEMBERED: Final = 4_000
"""Cards that are kept for `retire`: at 2 KB each, 8 MB."""


class Teams(Messenger):
    """One bot in one tenant."""

    Settings = TeamsSettings
    product = "Teams"
    editable = True
    searchable = False
    pace = timedelta(seconds=0.5)
    """Documented per conversation: 7 in 1 s, 60 in 30 s, 1,800 in an hour; the last is met by waiting when told to."""

    settings: TeamsSettings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup:
        """How it is set up."""
        from connectors.teams.setup import TeamsSetup

        return TeamsSetup(name, given)

    def __init__(self, name: str, settings: TeamsSettings) -> None:
        super().__init__(name, settings)
        app = App(settings.tenant, settings.app_id, settings.secret.get_secret_value(), settings.login_url)
        self._tokens = Tokens(app, settings.timeout)
        self._client = Client(f"{settings.service_url.rstrip('/')}/v3", self._tokens, BOTS, settings.timeout)
        self._graph = Client(settings.graph_url, self._tokens, GRAPH, settings.timeout)
        self._places = Places(self._client, settings)
        self._rooms = Rooms(name, self._graph, self._places, settings.channels_in)
        self.channels = bool(settings.channels_in)  # type: ignore[misc]  # a fact of the class, once it is allowed
        self._keys = Keys(settings.openid_url)
        hosts = {*HOSTS, *settings.hosts, urlsplit(settings.service_url).hostname or ""}
        self._expected = Expected(settings.issuer, settings.app_id, frozenset(hosts))
        self._waiting = waiting.Waiting()
        self._cards, self._brought = _Cards(REMEMBERED), _Cards(waiting.MOST)
        self._users: dict[str, User] = {}

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Post a card, or edit the one at `ref` in place; answers its ref.

        `place` is `Team/Channel`, a channel's id, a person's directory id or e-mail address, or a message's ref (its
        thread). The key is not kept: nothing in Teams can be found by it.
        """
        if ref:
            return self._edit(place, thing, ref)
        tried = f"could not post to {self.name}:{place}"
        spot = self._places.to_post(place, thing.under, tried)
        made = self._card(thing, spot)
        posted = self._post(spot, activity(made, summary(thing)), tried)
        self._keep(posted, made, thing)
        return posted

    def open(self, channel: Channel, key: str) -> str:
        """Open a channel in the team that the settings name; its ref is its id."""
        return self._rooms.open(channel, key) if self.channels else super().open(channel, key)

    def arrange(self, ref: str, channel: Channel) -> None:
        """Its description, with links; archived where it is to be. Raises Missing where people archived it."""
        if not self.channels:
            return super().arrange(ref, channel)
        return self._rooms.arrange(ref, channel)

    def retire(self, place: str, ref: str) -> None:
        """Take the buttons off; the rest of the card stays as we put it. Raises Refused where we no longer know it."""
        tried = f"could not take the buttons off a message in {self.name}:{place}"
        spot, message = spot_of(ref, tried)
        known = self._known(ref)
        if known is None:
            raise Refused(f"{tried}: it was posted before our last start, and a bot cannot read what stands in Teams")
        bare = without_buttons(known.made)
        if bare != known.made:
            self._put(spot, message, activity(bare, known.said), tried)
            self._cards.keep(ref, replace(known, made=bare))

    def answer(self, command: Command, text: str) -> None:
        """Tell the person who asked: in the answer to their click while that waits, else in their chat with the bot."""
        waited = bool(command.id) and self._waiting.say(command.id, text)
        self._brought.forget(command.clicked)
        if waited:
            return
        tried = f"could not answer {command.by} in {self.name}"
        self._post(self._alone(command, tried), activity(card(Message(text)), short(text, 200)), tried)

    def show(self, command: Command, thing: Message | None, text: str) -> None:
        """Answer a click with the card as it is about to be edited for all; one that is retired, without its buttons.

        A card that is not known cannot be shown without its buttons: then the text is.
        """
        known = self._known(command.clicked)
        if thing is not None:
            spot, _ = spot_of(command.clicked, f"could not show {command.by} a message in {self.name}")
            made: Json | None = self._card(thing, spot)
        else:
            made = without_buttons(known.made) if known is not None else None
            if known is not None:
                self._cards.keep(command.clicked, known)
        if made is None or not self._waiting.show(command.id, made):
            self.answer(command, text)

    def ask(self, command: Command, form: Form) -> None:
        """Show the person a form: in place of the card they clicked while that waits, else in their chat."""
        known = self._known(command.clicked)
        stood = known.made if known is not None else None
        if command.id and self._waiting.show(command.id, form_card(command, form, stood)):
            self._brought.forget(command.clicked)
            return
        tried = f"could not ask {command.by} in {self.name}"
        made = activity(form_card(command, form, None, alone=True), short(form.title, 200))
        self._post(self._alone(command, tried), made, tried)

    def about(self, command: Command) -> str:
        """The ticket of the card that began the thread, where we still know the card; makes no call."""
        where = spot_from(command.reply)
        known = self._cards.get(where.ref(where.root)) if where.root else None
        return known.about if known is not None else ""

    def room(self, command: Command) -> str:
        """The channel in which a command was typed to the bot, in whatever thread."""
        where = spot_from(command.reply).conversation
        return where if CHANNEL.fullmatch(where) else ""

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read an activity: a click, a form, a message to the bot. Raises BadRequest.

        Makes no call but for the keys to believe it by, where they are unknown or a day old.
        """
        token = verified(request.headers.get("authorization", ""), self._expected, self._keys, now)
        told = incoming.parse(request.body)
        token.vouches_for(told, self._expected)
        self._same_tenant(told)
        reading = incoming.interpret(told, self.name)
        self._places.learn_team(*reading.team)
        self._learn(reading)
        signals = (reading.command,) if reading.command else ()
        return self._waits(reading) if reading.invoke else Receipt(signals, 200)

    def listen(self, emit: Callable[[Signal], Event | None], stop: Event) -> None:
        """Keep the keys of the Bot Framework at hand, so that no click waits for them. Raises connectors.errors."""
        while True:
            self._keys.refresh()
            if stop.wait(KEPT.total_seconds() / 2):
                return

    def who(self, user: User) -> User:
        """The user with name and e-mail address, as the teams with the app tell them. Raises connectors.errors."""
        if user.id not in self._users:
            found = self._places.who(user.id, f"could not look up {user} in {self.name}")
            self._users[user.id] = User(found.id or user.id, found.name or user.name, found.email)
        return self._users[user.id]

    def check(self, wanted: Wanted) -> Iterable[Problem]:
        """Sign in, reach the bot, whether each channel and each person can be found. Changes nothing."""
        return tuple(Check(self.name, self._tokens, self._client, self._places).run(self.settings, wanted))

    def install(self, order: Order) -> Iterator[Step]:
        """Make the app package for Teams, and say what is left to an administrator."""
        from connectors.teams.package import steps

        return steps(self.name, self.settings, order)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
        self._graph.close()
        self._tokens.close()
        self._keys.close()

    # -- posting

    def _post(self, spot: Spot, made: Json, tried: str) -> str:
        """Post an activity; its ref. In a channel, what replies to nothing begins a thread."""
        channel = spot.conversation.startswith("19:")
        if channel and not spot.root:
            asked: Json = {
                "isGroup": True,
                "bot": {"id": f"28:{self.settings.app_id}"},
                "tenantId": self.settings.tenant,
                "channelData": {"channel": {"id": spot.conversation}, "tenant": {"id": self.settings.tenant}},
                "activity": made,
            }
            told = self._client.post(tried, "conversations", asked)
            message = told.get("activityId")
        else:
            told = self._client.post(tried, conversation(spot.id, "activities"), made)
            message = told.get("id")
        if not isinstance(message, str) or not message:
            raise Temporary(f"{tried}: the answer does not say where the message is")
        return Spot(spot.conversation, spot.root or (message if channel else "")).ref(message)

    def _edit(self, place: str, thing: Message, ref: str) -> str:
        tried = f"could not edit a message in {self.name}:{place}"
        spot, message = spot_of(ref, tried)
        made = self._card(thing, spot)
        self._put(spot, message, activity(made, summary(thing)), tried)
        self._keep(ref, made, thing)
        return ref

    def _put(self, spot: Spot, message: str, made: Json, tried: str) -> None:
        self._client.put(tried, conversation(spot.id, "activities", message), {**made, "id": message})

    def _alone(self, command: Command, tried: str) -> Spot:
        """The person's own chat with the bot: elsewhere others read along."""
        here = spot_from(command.reply)
        alone = here.conversation and not here.conversation.startswith("19:")
        return here if alone else Spot(self._places.chat(command.by.id, tried))

    def _card(self, thing: Message, spot: Spot) -> Json:
        return carrying(card(thing), spot.conversation, self.settings.secret.get_secret_value())

    def _keep(self, ref: str, made: Json, thing: Message) -> None:
        about = thing.about.ref if thing.about else next((button.ref for button in thing.buttons), "")
        self._cards.keep(ref, _Put(made, summary(thing), about))

    # -- being clicked

    def _same_tenant(self, told: Json) -> None:
        place, data = told.get("conversation"), told.get("channelData")
        said = place.get("tenantId") if isinstance(place, dict) else None
        if not said and isinstance(data, dict) and isinstance(data.get("tenant"), dict):
            said = data["tenant"].get("id")
        if isinstance(said, str) and said and said.lower() != self.settings.tenant.lower():
            raise BadRequest(401, "the activity is of another tenant")

    def _known(self, ref: str) -> _Put | None:
        return self._cards.get(ref) or self._brought.get(ref)

    def _learn(self, reading: Reading) -> None:
        """Take note of a card from before our last start, which a click on it has brought along, until it is answered.

        It is kept for longer only where `show` is asked for it: whose click is refused has taught us nothing.
        """
        if not reading.card or not reading.message or self._cards.get(reading.message) is not None:
            return
        where = reading.message.partition("/")[0].partition(";")[0]
        made = carried(reading.card, where, self.settings.secret.get_secret_value())
        if made is not None and reading.about in abouts(made):  # of another ticket it has no business here
            self._brought.keep(reading.message, _Put(made, str(made.get("fallbackText") or "…"), reading.about))

    def _waits(self, reading: Reading) -> Receipt:
        """The receipt of an invoke: its body is what the person who clicked sees."""
        if reading.cancelled:
            given_up = self._back(reading, "Nothing was changed.")
            self._brought.forget(reading.message)
            return Receipt((), 200, json.dumps(given_up))
        if reading.command is None:
            return Receipt((), 200, json.dumps(waiting.failed("Pointman does not know this button.")))
        later = self._waiting.open(reading.command.id, self._shape(reading))
        return Receipt((reading.command,), 200, later=later)

    def _shape(self, reading: Reading) -> Callable[[str], Json]:
        """How to say something to whoever clicked: beside a card as a text, after a form as the card that was there."""
        return (lambda text: self._back(reading, text)) if reading.form else waiting.said

    def _back(self, reading: Reading, text: str) -> Json:
        """What takes a form's place: the card it stood in for, with the text below; else the text alone."""
        known = self._known(reading.message) if reading.form == INSTEAD else None
        told = card(Message(text))
        if known is not None:
            below = [{**element, "separator": True} for element in told["body"][:1]] + told["body"][1:]
            told = {**known.made, "body": [*known.made["body"], *below]}
        return waiting.shown(told)


@dataclass(frozen=True, slots=True)
class _Put:
    """A card as it was put last, its summary, and the ref of the ticket it is about."""

    made: Json
    said: str
    about: str


class _Cards:
    """The cards by ref: the newest of them, so many at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, _Put] = OrderedDict()
        self._lock = Lock()

    def keep(self, ref: str, put: _Put) -> None:
        with self._lock:
            self._kept[ref] = put
            self._kept.move_to_end(ref)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def get(self, ref: str) -> _Put | None:
        with self._lock:
            return self._kept.get(ref)

    def forget(self, ref: str) -> None:
        with self._lock:
            self._kept.pop(ref, None)


__all__ = ["Teams", "TeamsSettings"]
