"""Rings by a webhook: one signed request for each call, and one that ends it.

Nothing that was sent can be changed or looked for. PagerDuty, Opsgenie and Jira Service Management drop what comes
again under the id of a call that is open there: such a place *drops doubles*, so a call that is in doubt is repeated at
once, and again by the engine. Elsewhere a request is sent once. The id follows from the effect's key and moment.
"""

from __future__ import annotations

import base64
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import requests
import urllib3
from pydantic import SecretStr

from connectors.base import Messenger, Receipt, Request, Wanted
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.http import failure, no_answer, read, session
from connectors.markup import plain
from connectors.model import Command, Message, User
from connectors.problems import Problem, nearest
from connectors.shapes import misshapen
from connectors.webhook import pressed
from connectors.webhook.checks import problems
from connectors.webhook.incoming import INCIDENT, OURS, receive
from connectors.webhook.saying import asking, cut, words
from connectors.webhook.settings import WebhookSettings
from connectors.webhook.signing import signed
from connectors.webhook.template import Template, filled
from connectors.wire import Reply, Wire

CONNECT: Final = 5.0
_ADDRESS: Final = re.compile(r"\w+://\S+")
TOLD: Final = 6
"""A path of an address that is no longer is no secret, and may stand in any sentence."""
KEPT: Final = 10_000
"""So many calls are remembered with their tickets; of others the tickets tell."""
_PERSON: Final = re.compile(r"[A-Z0-9]{3,30}")
TRIES: Final = 3
"""How often `connectors.http.read` tries."""


def _now() -> datetime:
    return datetime.now(UTC)


class Webhook(Messenger):
    """One receiver of calls, for any number of addresses there. `clock` dates what is sent."""

    Settings = WebhookSettings
    product = "Webhook"
    editable = False
    searchable = False
    rings = True

    settings: WebhookSettings

    def __init__(self, name: str, settings: WebhookSettings, clock: Callable[[], datetime] = _now) -> None:
        super().__init__(name, settings)
        self.recipe, self.clock = settings.made, clock
        self.drops_doubles = self.recipe.drops_doubles or settings.drops_doubles
        self._session = session()
        each = settings.timeout / (TRIES if self.drops_doubles else 1)  # all tries together keep to the time
        self._timeout = (min(CONNECT, each), each)
        self._wires: dict[str, Wire] = {}
        self._lock = Lock()
        self._urls = {_name(place): url for place, url in settings.urls.items()}
        self._tokens = {_name(place): token for place, token in settings.tokens.items()}
        self._secrets = _Hidden(_secrets(settings))
        self.people = settings.people
        self._answers = pressed.Answers()
        self._about: OrderedDict[str, str] = OrderedDict()
        self._known: dict[str, User] = {}

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Call; the id by which the receiver knows the call. Raises Refused for an edit: there is none."""
        tried = f"could not call {self.name}:{place}"
        if ref:
            raise Refused(f"{tried}: what was sent cannot be changed")
        ids = key.split() or [""]
        said = {**words(self.settings, place, thing, ids, self.clock()), **self._access(place, tried)}
        ticket = thing.about.ref if thing.about is not None else ""
        self._remember(ids[0], ticket)
        if self.settings.public_url and ticket:
            url = pressed.address(self.name, self.settings, {"ref": ticket, "call": ids[0]})
            said["twiml"] = asking(said["twiml"], url, self.settings.press, self.settings.language)
        answer = self._send(said["url"], self.settings.body or self.recipe.body, said, tried)
        return str(answer.get("sid") or ids[0])

    def retire(self, place: str, ref: str) -> None:
        """End a call that nobody needs to answer any more, where the receiver can be told so; else nothing."""
        if self.settings.after != "nothing":
            self.end(place, ref, f"could not end a call to {self.name}:{place}")

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read what comes back from where a phone rang: who acknowledged there. Raises BadRequest; makes no call."""
        return receive(self.name, self.settings, request, now, self._answers)

    def about(self, command: Command) -> str:
        """The ref of the ticket that a call was for, where this process made it; else empty."""
        with self._lock:
            return self._about.get(command.reply, "")

    def called(self, command: Command) -> tuple[str, ...]:
        """The calls of an incident of PagerDuty's: the keys of its alerts, which it does not tell itself."""
        incident, _, key = command.reply.partition(" ")
        token = self.settings.api_token
        if token is None or not incident.startswith(INCIDENT):
            return (command.reply,)
        tried = f"could not look up the alerts of an incident of {self.name}"
        path = f"/incidents/{incident.removeprefix(INCIDENT)}/alerts?limit=100"
        try:
            told = self._asked(path, token.get_secret_value(), tried).get("alerts")
        except ConnectorError:  # an incident that tells its key has no alerts, or one
            if not OURS.fullmatch(key):
                raise
            return (key,)
        alerts = (alert for alert in told if isinstance(alert, dict)) if isinstance(told, list) else ()
        keys = dict.fromkeys([key, *(str(alert.get("alert_key") or "") for alert in alerts)])
        return tuple(one for one in keys if OURS.fullmatch(one))

    def answer(self, command: Command, text: str) -> None:
        """Say it to whoever pressed a key or sent a short message; elsewhere nobody waits for an answer."""
        if "by" in command.args:
            self._answers.put(command.id, plain(text))

    def who(self, user: User) -> User:
        """PagerDuty's user with their e-mail address, where there is a key to look it up. Raises connectors.errors."""
        token = self.settings.api_token
        if token is None or self.settings.recipe != "pagerduty" or not _PERSON.fullmatch(user.id):
            return user
        if user.id not in self._known:
            self._known[user.id] = self._looked_up(user, token.get_secret_value())
        return self._known[user.id]

    def directory(self) -> None:
        """Look up whom there is, where there is a key for that, to prove it. Raises connectors.errors."""
        if self.settings.api_token is not None and self.settings.recipe == "pagerduty":
            token = self.settings.api_token.get_secret_value()
            self._asked("/users?limit=1", token, f"could not look up users of {self.name}")

    def check(self, wanted: Wanted) -> Iterator[Problem]:
        """Whether the receiver answers and takes our credentials, without ringing; see `connectors.webhook.checks`."""
        return problems(self, wanted)

    def close(self) -> None:
        """Let go of connections."""
        for wire in self._wires.values():
            wire.close()
        self._session.close()

    def token_of(self, place: str) -> SecretStr | None:
        """The token for an address: its own, else that of all."""
        return self._tokens.get(_name(place), self.settings.token)

    def known(self, place: str) -> bool:
        """Whether an address has a URL and a token, where those are needed."""
        url = self._urls.get(_name(place)) or self.settings.url or self.recipe.url
        return bool(url) and ("token" not in self.recipe.needs or self.token_of(place) is not None)

    def way(self, place: str) -> str:
        """What tells apart how addresses are reached: those with one URL and one token of all are one way."""
        return self._own(place)

    def hint(self, place: str) -> str:
        """What may have been meant by an address that has none."""
        named = {**self._urls, **self._tokens}
        return nearest(_name(place), named) or "add it to tokens or urls of the connector"

    def end(self, place: str, ref: str, tried: str) -> None:
        """Say that a call is over. For one that never was it proves address and credentials, and rings nobody."""
        template = self.settings.done or self.recipe.done
        if template is None:
            return
        access = self._access(place, tried)
        action = self.recipe.actions.get(self.settings.after, self.settings.after)
        said = {**words(self.settings, place, Message(""), [f"{ref}-over"], self.clock()), **access}
        said |= {"ref": ref, "action": action, "base": access["url"].removesuffix(".json")}
        url = filled(self.recipe.done_url, {**said, "ref": quote(ref, safe="")})  # a receiver's word is no path
        self._send(url, template, said, tried, self.recipe.lapsed)

    def knock(self, method: str, place: str, tried: str) -> None:
        """A request that changes nothing: for the account, where the recipe has one, else for the address itself."""
        access = self._access(place, tried)
        url = access["url"]
        if self.recipe.authorization == "basic":
            url = f"{url.rpartition('/')[0]}.json"
        try:
            self._once(method, url, None, self._headers(access), tried)
        except _Answered as refused:
            raise self._meant(refused, access["own"]) from None

    # ---- who and what for

    def _remember(self, call: str, ref: str) -> None:
        with self._lock:
            self._about[call] = ref
            while len(self._about) > KEPT:
                self._about.popitem(last=False)

    def _looked_up(self, user: User, token: str) -> User:
        found = self._asked(f"/users/{user.id}", token, f"could not look up who {user} is in {self.name}").get("user")
        email = found.get("email") if isinstance(found, dict) else None
        return replace(user, email=email) if isinstance(email, str) else user

    def _asked(self, path: str, token: str, tried: str) -> dict[str, Any]:
        """What PagerDuty's REST API answers to a GET. Raises connectors.errors."""
        headers = {"Authorization": f"Token token={token}", "Accept": "application/vnd.pagerduty+json;version=2"}
        url = f"{self.settings.api_url.rstrip('/')}{path}"
        try:
            told = read(lambda: self._once("GET", url, None, headers, tried)).json()
        except _Answered as refused:
            raise refused.error from None
        except ValueError:
            told = None
        return told if isinstance(told, dict) else {}

    # ---- sending

    def _access(self, place: str, tried: str) -> dict[str, str]:
        """Where an address is, and what lets us in there. Raises Missing."""
        if not self.known(place):
            raise Missing(f"{tried}: it has no {'token' if self.recipe.url else 'URL'}; {self.hint(place)}")
        token = self.token_of(place)
        own = self._urls.get(_name(place)) or self.settings.url
        url = own.get_secret_value().strip() if own is not None else self.recipe.url
        url = _with_path(url.replace("{user}", self.settings.user))
        return {"url": url, "token": token.get_secret_value() if token is not None else "", "own": self._own(place)}

    def _own(self, place: str) -> str:
        """Not empty where URL or token are of this address alone, so that its trouble with rights is no other's."""
        return _name(place) if _name(place) in {**self._urls, **self._tokens} else ""

    def _send(
        self, url: str, template: Template, said: Mapping[str, Any], tried: str, lapsed: frozenset[int] = frozenset()
    ) -> dict[str, Any]:
        """Post a body; what was answered, if that is an object. Tried again only where a double is dropped."""
        made = filled(template, said)
        body = urlencode(made, errors="replace").encode() if self.recipe.form else _json(made)
        kind = "application/x-www-form-urlencoded" if self.recipe.form else "application/json"

        def once() -> Reply:
            headers = {"Content-Type": kind, **self._headers(said), **self._signature(str(said["id"]), body)}
            return self._once("POST", url, body, headers, tried)

        try:
            answer = read(once) if self.drops_doubles else once()
        except _Answered as refused:
            if refused.status in lapsed:
                return {}
            raise self._meant(refused, str(said["own"])) from None
        return self._read(answer, tried)

    def _once(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], tried: str) -> Reply:
        try:
            answer = self._wire(url).send(method, url, body, headers)
        except (urllib3.exceptions.HTTPError, requests.RequestException) as error:
            raise no_answer(error, tried) from None
        except ValueError:
            raise Refused(f"{tried}: a header of the settings has a line break") from None
        if answer.status_code < 300:
            return answer
        verdict = failure(answer.status_code, tried, self._reason(answer), answer.headers)
        raise verdict if isinstance(verdict, Temporary) else _Answered(answer.status_code, verdict)

    def _meant(self, refused: _Answered, own: str) -> ConnectorError:
        """What a refusal stands for: credentials of one address stop that address, not the product."""
        if isinstance(refused.error, Denied) and own:
            return Refused(str(refused.error))
        return refused.error

    def _read(self, answer: Reply, tried: str) -> dict[str, Any]:
        """What a success says; one that is somebody else's page is in doubt."""
        if answer.content[:200].lstrip().startswith(b"<"):
            raise Temporary(f"{tried}: the answer is a page, and not {self.recipe.product}'s")
        try:
            told = answer.json()
        except ValueError:
            told = None
        wrong = misshapen(told, self.recipe.answer) if self.recipe.answer is not None else ""
        if wrong:
            raise Temporary(f"{tried}: the answer is not {self.recipe.product}'s: {wrong}")
        return told if isinstance(told, dict) and self.recipe.answer is not None else {}

    def _reason(self, answer: Reply) -> str:
        """Why a receiver refused, in its words. They may quote what we sent, so secrets are taken out."""
        try:
            told = answer.json()
        except ValueError:
            text = answer.content[:500].decode("utf-8", "replace")
            told = {"message": "" if text.lstrip().startswith("<") else text}
        if not isinstance(told, dict):
            return ""
        errors = told.get("errors")
        parts = [told.get("message"), *(errors if isinstance(errors, list) else []), told.get("error")]
        said = " ".join("; ".join(part for part in parts if isinstance(part, str)).split())
        for secret in self._secrets:
            said = said.replace(secret, "…")
        return cut(_ADDRESS.sub("…", said), 200)

    def _headers(self, said: Mapping[str, Any]) -> dict[str, str]:
        """What lets us in, and what the settings add."""
        made = {name: value.get_secret_value() for name, value in self.settings.headers.items()}
        if self.recipe.authorization == "basic":
            pair = base64.b64encode(f"{self.settings.user}:{said['token']}".encode()).decode()
            made.setdefault("Authorization", f"Basic {pair}")
        elif self.recipe.authorization:
            made.setdefault("Authorization", f"{self.recipe.authorization} {said['token']}")
        return made

    def _signature(self, id_: str, body: bytes) -> Mapping[str, str]:
        both = (self.settings.secret, self.settings.old_secret)
        secrets = [secret.get_secret_value() for secret in both if secret is not None]
        return signed(id_, self.clock(), body, secrets) if secrets else {"webhook-id": id_}

    def _wire(self, url: str) -> Wire:
        """The way to a URL's site. A session would log the URL, which may be secret."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if site not in self._wires:
                self._wires[site] = Wire(self._session, site, self._timeout)
            return self._wires[site]


class _Answered(Exception):
    """A refusal with its status, until it is known what it means here."""

    def __init__(self, status: int, error: ConnectorError) -> None:
        super().__init__(str(error))
        self.status, self.error = status, error


class _Hidden(tuple[str, ...]):
    """Secrets that do not print themselves."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


def _secrets(settings: WebhookSettings) -> Iterator[str]:
    """Everything that must be read in no sentence, the longest first."""
    ours = (settings.secret, settings.old_secret, settings.webhook_secret, settings.api_token)
    own = (*ours, settings.token, *settings.tokens.values(), *settings.headers.values())
    urls = [url.get_secret_value() for url in (settings.url, *settings.urls.values()) if url is not None]
    paths = [path for u in urls if len(path := urlsplit(u).path) > TOLD]
    parts = [*paths, *(urlsplit(u).query for u in urls)]
    every = [*(each.get_secret_value() for each in own if each is not None), *urls, *parts]
    yield from sorted(filter(None, every), key=len, reverse=True)


def _with_path(url: str) -> str:
    """The URL with a path, which a request has always."""
    parts = urlsplit(url)
    return url if parts.path else urlunsplit(parts._replace(path="/"))


def _json(made: Any) -> bytes:
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )  # half a letter is no text


def _name(place: str) -> str:
    return place.strip().lower()


__all__ = ["Webhook"]
