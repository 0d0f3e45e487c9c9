"""What holds for every test of a connector."""

from __future__ import annotations

import pytest

from connectors import http


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is asked again at once: the two hundred pauses of these tests are half a minute."""
    monkeypatch.setattr(http, "PAUSE", 0.001)
