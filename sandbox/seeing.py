"""Whether an expectation holds, by what stands in Jira and Slack at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sandbox.scenario import Expect
from sandbox.sight import Post, Sight

ANYWHERE = "*"


def seen(expect: Expect, world: Sight, tickets: Mapping[str, str], before: object = None) -> str:
    """What is missing, in a sentence; empty where the expectation holds. `before` is the world at its beginning."""
    if expect.quiet:
        return "" if world.fingerprint() == before else "something changed"
    if expect.ticket:
        key = tickets.get(expect.ticket)
        return "; ".join(_ticket(expect, world, key)) if key else "there is no such ticket yet"
    return _messages(expect, world)


def _ticket(expect: Expect, world: Sight, key: str) -> Iterator[str]:
    for name, wanted in expect.fields.items():
        value = world.value(key, name)
        if value != wanted:
            yield f"{name} is {value if value is not None else 'empty'}"
    logs = world.logs(key)
    if expect.logs is not None and len(logs) != expect.logs:
        yield f"there are {len(logs)} logs"
    if expect.log and not any(expect.log in log for log in logs):
        yield "the log does not say so"


def _messages(expect: Expect, world: Sight) -> str:
    found = _saying(expect, world)
    if expect.times is not None and len(found) != expect.times:
        return f"{len(found)} such messages"
    if expect.times != 0 and not found:
        return "no such message"
    if expect.buttons is not None and not any(set(post.buttons) == set(expect.buttons) for post in found):
        return f"its buttons are {', '.join(found[-1].buttons) or 'none'}"
    return ""


def counted(expect: Expect, world: Sight) -> int:
    """How many messages say what is expected, whatever their buttons."""
    return len(_saying(expect, world))


def _saying(expect: Expect, world: Sight) -> tuple[Post, ...]:
    posts = world.posts("" if expect.place == ANYWHERE else expect.place)
    return tuple(post for post in posts if expect.text in post.text and _under(post, expect.under))


def _under(post: Post, under: str | None) -> bool:
    """Whether a message stands where it should: anywhere (None), in no thread (empty), or under what says `under`."""
    if under is None:
        return True
    if not under or not post.message.thread_ts:
        return not under and not post.message.thread_ts
    parent = post.channel.message(post.message.thread_ts)
    return parent is not None and under in parent.text
