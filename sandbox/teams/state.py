"""A Teams tenant with our bot in it: a pure handler, its world open to be looked at.

What goes wrong on demand: `refuse` (an error of the Bot Framework for the next calls), `paced` (429 above seven
messages a second in one conversation, with or without `Retry-After`), people who blocked the bot, teams that the app
was taken out of, channels and flows that are gone. Faults of the network are `Server.fail`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from threading import RLock
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.teams.cards import words
from sandbox.teams.entra import BOTS, Client, Entra
from sandbox.teams.world import Conversation, Dialog, Flow, Json, Message, Note, Person, Team

APP: Final = "5710acff-f313-453f-8b75-44fff54bab14"
BOT: Final = f"28:{APP}"
SECRET: Final = "sandbox-app-secret"  # noqa: S105  (the sandbox's own)
REGION: Final = "/emea"
"""The service URL's path: the real ones are such as `https://smba.trafficmanager.net/emea/`."""


class Refusal(Exception):
    """An error as the Bot Framework tells it."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = Answer(status, {"error": {"code": code, "message": message}}, told)


@dataclass(slots=True)
class _Wish:
    """A refusal asked for: of a method at paths that contain something, for some calls."""

    method: str
    part: str
    refusal: Refusal
    left: int


class TeamsState:
    """The tenant. `handle` is its HTTP face; everything else is for tests, scenarios and the page."""

    def __init__(self, clock: Clock | None = None, entra: Entra | None = None) -> None:
        self.clock = clock or Clock()
        self.lock = RLock()
        self.entra = entra or Entra()
        self.app = self.entra.register(Client(APP, SECRET))
        self.url = "http://127.0.0.1:1"
        self.bot_name = "Pointman"
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Team] = {}
        self.conversations: dict[str, Conversation] = {}
        self.flows: dict[str, Flow] = {}
        self.notes: list[Note] = []
        self.dialogs: dict[str, Dialog] = {}
        self.blocked: set[str] = set()
        self.paced = False
        self.retry_after = "2"
        self._wishes: list[_Wish] = []
        self._ids: set[int] = set()
        self._counter = 0

    @property
    def service_url(self) -> str:
        """Where the bot speaks to Teams: activities from here carry it."""
        return f"{self.url}{REGION}/"

    # -- setting the scene

    def person(self, name: str, email: str = "", real_name: str = "") -> Person:
        """Somebody new in the tenant."""
        with self.lock:
            self._counter += 1
            made = Person(f"29:1sandbox-{self._counter}", _uuid(name), name, real_name or name.capitalize(), email)
            self.people[made.id] = made
            for team in self.teams.values():
                team.members.add(made.id)
            return made

    def team(self, name: str, *, installed: bool = True) -> Team:
        """The team of this name, made with everybody in it and the app installed, where there is none."""
        with self.lock:
            found = next((team for team in self.teams.values() if team.name == name), None)
            if found is None:
                found = Team(f"19:{_hex('team', name)}@thread.tacv2", _uuid(f"group {name}"), name, set(self.people))
                found.installed = installed
                self.teams[found.id] = found
            return found

    def channel(self, name: str, team: str = "Operations") -> Conversation:
        """The channel of this name in a team, made where there is none."""
        bare = name.removeprefix("#")
        with self.lock:
            home = self.team(team)
            for found in self.conversations.values():
                if found.name == bare and found.team == home.id and not found.deleted:
                    return found
            made = Conversation(f"19:{_hex(team, bare, str(len(self.conversations)))}@thread.tacv2", bare, home.id)
            self.conversations[made.id] = made
            return made

    def personal(self, person: str) -> Conversation:
        """The bot's chat with somebody, made where there is none."""
        with self.lock:
            for found in self.conversations.values():
                if found.person == person:
                    return found
            made = Conversation(f"a:1{_hex('chat', person)}", "", person=person)
            self.conversations[made.id] = made
            return made

    def flow(self, channel: Conversation, name: str = "Workflows") -> Flow:
        """A workflow whose webhook posts into this channel."""
        with self.lock:
            made = Flow(_hex("flow", channel.id, str(len(self.flows))), _hex("sig", channel.id), channel.id, name)
            self.flows[made.id] = made
            return made

    def webhook(self, flow: Flow) -> str:
        """The address of a workflow's webhook."""
        path = f"/workflows/{flow.id}/triggers/manual/paths/invoke"
        return f"{self.url}{path}?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={flow.sig}"

    def refuse(self, method: str, part: str, refusal: Refusal, times: int = 1) -> None:
        """Let the next calls with this method and this in their path be refused, and not be carried out."""
        self._wishes.append(_Wish(method, part, refusal, times))

    def say(self, by: Person, where: Conversation, text: str, root: str = "") -> Message:
        """Somebody writes: into a chat, a channel, or a thread of it. The bot is not told: see `People.mention`."""
        return self.post(where, Message(self.stamp(), by.id, text, root=root))

    # -- looking

    def found(self, who: str) -> Person | None:
        """Somebody by their id, their directory's id, or the name they sign in with."""
        for person in self.people.values():
            if who.lower() in {person.id.lower(), person.aad_id, person.upn.lower(), person.email.lower() or None}:
                return person
        return None

    def conversation(self, id_: str) -> tuple[Conversation | None, str]:
        """A conversation by its id, and the thread where the id says one (`…;messageid=…`)."""
        bare, _, root = id_.partition(";messageid=")
        return self.conversations.get(bare), root

    def home(self, message: Message) -> Conversation:
        """Where a message stands."""
        return next(c for c in self.conversations.values() if message in c.messages)

    # -- what changes

    def stamp(self) -> str:
        """An id for a message: its moment in milliseconds, and never the same twice."""
        with self.lock:
            number = int(self.clock.now().timestamp() * 1000)
            while number in self._ids:
                number += 1
            self._ids.add(number)
            return str(number)

    def post(self, where: Conversation, message: Message) -> Message:
        """A message stands there from now on."""
        with self.lock:
            message.first = words(message.card) if message.card is not None else message.text
            where.messages.append(message)
            return message

    def note(
        self, message: Message | None, where: Conversation, person: str, text: str, *, failed: bool = False
    ) -> None:
        """Only one person sees this."""
        with self.lock:
            self.notes.append(Note(where.id, message.id if message else "", person, text, self.clock.now(), failed))

    # -- HTTP

    def handle(self, asked: Asked) -> Answer:
        """Answer a request: to the directory, to the Bot Framework, to Graph, or to a workflow's webhook."""
        from sandbox.teams import flows, graph, rest

        with self.lock:
            told = self.entra.handle(asked, self.url)
            if told is not None:
                return told
            if asked.path.startswith("/workflows/"):
                return flows.take(self, asked)
            if asked.path.startswith("/graph/v1.0/"):
                return graph.answer(self, asked)
            if not asked.path.startswith(f"{REGION}/v3/"):
                return Answer(404, {"error": {"code": "NotFound", "message": "There is no such API."}})
            try:
                self._admit(asked)
                return rest.answer(self, asked)
            except Refusal as refusal:
                return refusal.answer

    def _admit(self, asked: Asked) -> None:
        if self.entra.holder(asked.headers.get("authorization", ""), BOTS) is None:
            raise Refusal(401, "Unauthorized", "Authorization has been denied for this request.")
        for wish in self._wishes:
            if wish.left > 0 and wish.method == asked.method and wish.part in asked.path:
                wish.left -= 1
                raise wish.refusal


def account(person: Person) -> Json:
    """Somebody as the Bot Framework tells them in an activity."""
    return {"id": person.id, "name": person.real_name, "aadObjectId": person.aad_id}


def iso(state: TeamsState, by: timedelta = timedelta(0)) -> str:
    """The moment as the Bot Framework writes it."""
    return f"{state.clock.now() + by:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, f"{name}.sandbox.example"))


def _hex(*names: str) -> str:
    return uuid5(NAMESPACE_DNS, "/".join(names)).hex
