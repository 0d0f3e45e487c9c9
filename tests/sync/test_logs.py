"""The process's own log: constant sentences, and no secret whichever way it comes."""

import io
import json
import logging
from collections.abc import Iterator
from threading import get_ident
from typing import Any

import pytest
import structlog

from sync import logs

SECRET = "xoxb-very-secret"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    made = io.StringIO()
    logs.configure({SECRET, "ab"}, "info", made)
    for handler in root.handlers:  # a thread that an earlier test left behind may still tell of something
        handler.addFilter(lambda record: record.thread == get_ident())
    yield made
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_its_sentence_and_its_values(stream: io.StringIO) -> None:
    structlog.get_logger().info("effect done", key="field:severity", ticket="OPS-1", count=3)
    line = lines(stream)[0]
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "effect done", "level": "info", "key": "field:severity", "ticket": "OPS-1", "count": 3}


def test_what_is_below_the_level_is_not_told(stream: io.StringIO) -> None:
    structlog.get_logger().debug("swept", listed=3)
    assert lines(stream) == []


class Odd:
    def __str__(self) -> str:
        return f"something that holds {SECRET}"


@pytest.mark.parametrize(
    "told",
    [
        {"url": f"https://slack.com/?token={SECRET}"},
        {"error": Odd()},
        {"nested": {"deep": [f"a {SECRET}", {"deeper": SECRET}]}},
        {"pair": (SECRET, SECRET)},
        {SECRET: "as a key it is nobody's fault but ours"},
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(stream: io.StringIO, told: dict[str, Any]) -> None:
    structlog.get_logger().info("something happened", **told)
    assert SECRET not in stream.getvalue().replace(f'"{SECRET}": ', "")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("name", ["token", "slack_token", "password", "Authorization", "api_key", "apikey", "secrets"])
def test_a_value_under_a_telling_name_is_hidden_whatever_it_is(stream: io.StringIO, name: str) -> None:
    structlog.get_logger().info("something happened", **{name: "unknown to the settings"})
    assert lines(stream)[0][name] == "***"


def test_a_traceback_holds_no_secret(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"could not sign in with {SECRET}")
    except ValueError:
        structlog.get_logger().exception("look failed")
    assert SECRET not in stream.getvalue()
    assert "ValueError: could not sign in with ***" in lines(stream)[0]["exception"]


def test_what_libraries_say_comes_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("urllib3").warning("retrying with %s", SECRET)
    logging.getLogger("urllib3").info("not worth a line")
    line = lines(stream)[0]
    assert (line["event"], line["logger"], line["level"]) == ("retrying with ***", "urllib3", "warning")
    assert len(lines(stream)) == 1


def test_a_secret_too_short_to_be_one_hides_nothing(stream: io.StringIO) -> None:
    structlog.get_logger().info("absolutely fine")
    assert lines(stream)[0]["event"] == "absolutely fine"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_at_a_terminal_sees_no_json() -> None:
    made = Terminal()
    logs.configure({SECRET}, "info", made)
    structlog.get_logger().info("effect done", key=SECRET)
    structlog.reset_defaults()
    assert "effect done" in made.getvalue()
    assert "{" not in made.getvalue()
    assert SECRET not in made.getvalue()
