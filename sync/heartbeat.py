"""Tells a dead man's switch that all is well, while it is: whoever hears nothing for long raises the alarm.

A process that hangs, cannot reach its tracker or leaves something undone cannot be trusted to say so; so it says the
opposite, and stops saying it. Whether the switch answers is no matter of the engine's: it is logged, once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Final

import requests
import structlog

from connectors.http import session

if TYPE_CHECKING:
    from sync.config import Config
    from sync.health import Health

log = structlog.get_logger()
PATIENCE: Final = 10.0
"""Seconds that a beat may take."""


class Heartbeat:
    """Beats every so often. `unwell` says in a sentence why not, and nothing while all is well."""

    def __init__(self, url: str, every: timedelta, unwell: Callable[[], str]) -> None:
        self._url, self._every, self._unwell = url, every, unwell
        self._session = session(1)
        self._said = ""

    @classmethod
    def of(cls, config: Config, health: Health) -> Heartbeat | None:
        """The one that the configuration asks for, if it does."""
        url = config.heartbeat.url
        if url is None:
            return None
        return cls(url.get_secret_value(), config.heartbeat.every, lambda: health.unwell(config.sweep.every))

    def run(self, stop: Event) -> None:
        """Beat until `stop`, for the first time when it has lived so long."""
        while not stop.wait(self._every.total_seconds()):
            self.beat()
        self._session.close()

    def beat(self) -> bool:
        """Beat once, if all is well; whether it was heard. Raises nothing."""
        try:
            why = self._unwell() or self._heard()
        except Exception as error:  # noqa: BLE001  (nothing of this may end the thread: it would look like a death)
            why = f"it cannot be told how it is: {type(error).__name__}"
        if why != self._said:
            self._said = why
            if why:
                log.warning("no heartbeat", why=why)
            else:
                log.info("the heart beats")
        return not why

    def _heard(self) -> str:
        """Why it was not heard. The address is a secret: whoever has it can say that we live."""
        try:
            answer = self._session.get(self._url, timeout=PATIENCE, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            return f"the address of the heartbeat does not answer: {type(error).__name__}"
        return "" if answer.status_code < 300 else f"the address of the heartbeat answers {answer.status_code}"
