"""People as Jira knows them: by account id on Cloud, by user name on Data Center, whose history says a key instead."""

from __future__ import annotations

from typing import Any

from connectors.errors import Missing
from connectors.jira import shapes
from connectors.jira.client import Client
from connectors.model import User
from connectors.shapes import OBJECT


class People:
    """Turns Jira's users into ours and back; remembers whom it has seen, since they do not change."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._by_key: dict[str, User] = {}
        self._by_address: dict[str, User] = {}
        self._me: User | None = None

    def read(self, raw: Any) -> User | None:
        """The user in an answer; None where there is none."""
        if not isinstance(raw, dict) or "displayName" not in raw:
            return None
        id_ = raw.get("accountId") or raw.get("name") or raw.get("key") or ""
        user = User(id_, raw.get("displayName") or "", raw.get("emailAddress") or "")
        if raw.get("key") and not raw.get("accountId"):
            self._by_key[raw["key"]] = user
        return user

    def told(self, id_: str | None, name: str | None) -> User | None:
        """The user that a history means by id and name, without asking; a key nobody has met stays the id."""
        if not id_:
            return None
        return self._by_key.get(id_) or User(id_, name or "")

    def met(self, key: str) -> None:
        """Find out who a key of Data Center's history means, where nobody with it has been seen."""
        if key in self._by_key or self._client.cloud:
            return
        try:
            found = self.read(self._client.read("user", f"could not look up the user {key}", {"key": key}))
        except Missing:  # deleted since: the key is all that is left of them
            found = None
        self._by_key[key] = found or User(key)

    def written(self, user: User) -> dict[str, str] | None:
        """The user as a request names them; None where nobody has this address. Raises ConnectorError."""
        known = user if user.id else self.at(user.email)
        if known is None:
            return None
        return {"accountId" if self._client.cloud else "name": known.id}

    def at(self, address: str) -> User | None:
        """The user with this e-mail address. On Cloud somebody who hides it counts where they alone are found."""
        wanted = address.strip().lower()
        if not wanted:
            return None
        if wanted not in self._by_address:
            query: dict[str, str | int] = {"query" if self._client.cloud else "username": wanted, "maxResults": 10}
            found = self._client.read("user/search", f"could not look up {wanted}", query, shapes.USERS)
            users = [user for user in map(self.read, found) if user]
            exact = [user for user in users if user.email.lower() == wanted]
            hidden = users if len(users) == 1 and not users[0].email else []
            if not exact and not hidden:
                return None
            self._by_address[wanted] = (exact or hidden)[0]
        return self._by_address[wanted]

    def me(self) -> User:
        """The account we sign in with."""
        if self._me is None:
            raw = self._client.library(lambda jira: jira.myself(), "could not ask who we are in Jira", OBJECT)
            self._me = self.read(raw) or User("")
        return self._me
