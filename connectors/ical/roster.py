"""Reads who is on call, or away, from iCalendar feeds: a file, or an address that is asked each time.

An event is a shift of each person whom it invites, or (where it invites nobody) of whom its summary names; who that is
the rules say. Recurring events, exceptions to them and cancelled ones are the libraries' business, which are an extra.
Whoever has a feed's address can read it: it is a secret, and stands in no sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import requests
import urllib3

from connectors.base import Roster, Wanted
from connectors.errors import ConnectorError, Missing, Refused, Temporary
from connectors.http import failure, no_answer, read, session
from connectors.ical import ICalSettings
from connectors.ical.often import endless
from connectors.model import Shift, User
from connectors.problems import Problem, Where, nearest

CONNECT: Final = 5.0
SLOW: Final = 3
"""So many time-outs long a feed may take to come."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
LONGEST: Final = 10 * 2**20
"""The longest feed that is read, in bytes."""
_ADDRESS: Final = re.compile(r"(?:https?|webcal)://", re.IGNORECASE)
HOPS: Final = 5
"""So often a feed may have moved."""
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError)


class ICal(Roster):
    """Calendars, each by its name in the settings."""

    Settings = ICalSettings
    product = "iCalendar"

    settings: ICalSettings

    def __init__(self, name: str, settings: ICalSettings) -> None:
        super().__init__(name, settings)
        self._session = session(4)
        self._timeout = (min(CONNECT, settings.timeout), settings.timeout)
        self._zone = ZoneInfo(settings.timezone)
        self._known: dict[str, tuple[bytes, Any]] = {}
        self._told: dict[str, tuple[object, tuple[Shift, ...]]] = {}

    def shifts(self, schedule: str, start: datetime, until: datetime) -> tuple[Shift, ...]:
        """Everybody whom the events of a feed are of. Raises connectors.errors."""
        tried = f"could not read the calendar {self.name}:{schedule}"
        kept = self.settings.feeds.get(schedule)
        if kept is None:
            hint = nearest(schedule, self.settings.feeds) or f"there are {', '.join(sorted(self.settings.feeds))}"
            raise Missing(f"{tried}: no such feed is configured; {hint}")
        content = self._content(kept.get_secret_value(), tried)
        known, query = self._known.get(schedule, (b"", None))
        asked, told = self._told.get(schedule, (None, ()))
        if known == content and asked == (start, until):  # most are the same every minute
            return told
        if why := endless(content, start, until):
            raise Refused(f"{tried}: {why}")
        if known != content:  # reading a long one takes seconds
            query = _read(content, tried)
        found = [shift for event in _between(query, start, until, tried) for shift in self._shifts(event)]
        told = tuple(sorted((s for s in found if s.start < s.until), key=lambda s: s.start))
        self._known[schedule], self._told[schedule] = (content, query), ((start, until), told)
        return told

    def check(self, wanted: Wanted) -> Iterator[Problem]:
        """Whether every feed that is spoken of can be read."""
        now = datetime.now(UTC)
        for feed in wanted.addresses:
            try:
                self.shifts(feed, now, now + timedelta(days=1))
            except ConnectorError as error:
                yield Problem(Where(), str(error), f"connectors.{self.name}")

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _content(self, kept: str, tried: str) -> bytes:
        if not _ADDRESS.match(kept):
            try:
                with Path(kept).open("rb") as file:
                    return _bounded(file.read(LONGEST + 1), tried)
            except OSError as error:
                raise Missing(f"{tried}: {error.strerror}") from None
        return read(lambda: self._fetched(re.sub("^webcal://", "https://", kept, flags=re.IGNORECASE), tried))

    def _fetched(self, url: str, tried: str) -> bytes:
        """What stands at an address, wherever it moved to; all of it takes a bounded time."""
        until = monotonic() + SLOW * self._timeout[1]
        try:
            for _ in range(HOPS):
                with self._session.get(url, timeout=self._timeout, stream=True, allow_redirects=False) as answer:
                    if answer.status_code < 300:
                        return _whole(answer, until, tried)
                    if not answer.is_redirect:
                        raise failure(answer.status_code, tried, "", answer.headers)
                    url = _moved(url, answer.headers["location"], tried)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise no_answer(error, tried) from None
        raise Refused(f"{tried}: it was moved more than {HOPS} times")

    def _shifts(self, event: Any) -> Iterator[Shift]:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            return
        start, until = self._moment(event.start), self._moment(event.end)
        summary = " ".join(str(event.get("SUMMARY", "")).split())
        said = event.get("ATTENDEE") or ()
        guests = [said] if isinstance(said, str) else said
        addresses = [str(one)[len("mailto:") :] for one in guests if str(one).lower().startswith("mailto:")]
        for address in addresses or [""]:
            yield Shift(User("", summary, address), start, until)

    def _moment(self, said: date) -> datetime:
        """A moment in UTC; a day begins where the settings say, as does a time without a zone."""
        if not isinstance(said, datetime):
            said = datetime.combine(said, time(0))
        return (said if said.tzinfo is not None else said.replace(tzinfo=self._zone)).astimezone(UTC)


def _read(content: bytes, tried: str) -> Any:
    """What can be asked for the events between two moments."""
    try:
        from icalendar import Calendar
        from recurring_ical_events import of
    except ImportError:
        raise Refused(f'{tried}: calendars are read by an extra; pip install "pointman[calendar]"') from None
    try:
        return of(Calendar.from_ical(content))
    except _UNREADABLE as error:
        raise Temporary(f"{tried}: it is no iCalendar ({type(error).__name__})") from None


def _between(query: Any, start: datetime, until: datetime, tried: str) -> list[Any]:
    try:
        return list(query.between(start, until))
    except _UNREADABLE as error:
        raise Temporary(f"{tried}: an event in it cannot be read ({type(error).__name__})") from None


def _whole(answer: requests.Response, until: float, tried: str) -> bytes:
    content = b""
    for piece in answer.iter_content(65536):
        content = _bounded(content + piece, tried)
        if monotonic() > until:
            raise Temporary(f"{tried}: it comes too slowly", in_doubt=False)
    return content


def _moved(url: str, location: str, tried: str) -> str:
    """Where a feed moved to. It goes on encrypted, and from this machine alone to this machine. Raises Refused."""
    there = urljoin(url, location)
    inside = urlsplit(url).hostname in LOOPBACK and urlsplit(there).hostname in LOOPBACK
    if not there.startswith("https://") and not inside:
        raise Refused(f"{tried}: it was moved to an address that does not begin with https://")
    return there


def _bounded(content: bytes, tried: str) -> bytes:
    if len(content) > LONGEST:
        raise Refused(f"{tried}: it is longer than {LONGEST // 2**20} MB")
    return content
