"""Whether an expectation holds, by what stands in the tracker and in Slack at this moment.

Whoever looks on may make tickets of their own. What is said about those is no concern of the scenario's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sandbox.elsewhere import MAIL, TEAMS, Said, once, said
from sandbox.scenario import Expect
from sandbox.sight import Post, Sight

ANYWHERE = "*"


def seen(expect: Expect, world: Sight, tickets: Mapping[str, str], before: object = None) -> str:
    """What is missing, in a sentence; empty where the expectation holds. `before` is the world at its beginning."""
    if expect.quiet:
        return "" if world.fingerprint(others(world, tickets)) == before else "something changed"
    if expect.ticket:
        key = tickets.get(expect.ticket)
        return "; ".join(_ticket(expect, world, key)) if key else "there is no such ticket yet"
    return _messages(expect, world, tickets)


def others(world: Sight, tickets: Mapping[str, str]) -> frozenset[str]:
    """The keys of all tickets that the scenario did not make."""
    return frozenset(world.desk.keys()) - frozenset(tickets.values())


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


def _messages(expect: Expect, world: Sight, tickets: Mapping[str, str]) -> str:
    found = _saying(expect, world, tickets)
    if expect.times is not None and _many(found) != expect.times:
        return f"{_many(found)} such messages"
    if expect.times != 0 and not found:
        return "no such message"
    if expect.buttons is not None and not any(set(post.buttons) == set(expect.buttons) for post in found):
        return f"its buttons are {', '.join(found[-1].buttons) or 'none'}"
    return ""


def counted(expect: Expect, world: Sight, tickets: Mapping[str, str]) -> int:
    """How many messages say what is expected, whatever their buttons; a repeat that says so does not count."""
    return _many(_saying(expect, world, tickets))


def _many(found: Sequence[Post | Said]) -> int:
    beside = [one for one in found if isinstance(one, Said)]
    return len(found) - len(beside) + len(once(beside))


def _saying(expect: Expect, world: Sight, tickets: Mapping[str, str]) -> Sequence[Post | Said]:
    place, strange = expect.place, others(world, tickets)
    told: Iterable[Post | Said] = world.posts("" if place == ANYWHERE else place)
    if place == ANYWHERE or place.startswith((TEAMS, MAIL)):
        told = [*told, *said(world, "" if place == ANYWHERE else place)]
    return [p for p in told if expect.text in p.text and _stands(p, expect.under) and not p.tickets & strange]


def _stands(post: Post | Said, under: str | None) -> bool:
    """Whether a message stands where it should: anywhere (None), in no thread (empty), or under what says `under`."""
    if under is None:
        return True
    above = post.under if isinstance(post, Said) else _above(post)
    return under in above if under else not above


def _above(post: Post) -> str:
    """What a message in Slack stands under; empty where it is no reply."""
    parent = post.channel.message(post.message.thread_ts) if post.message.thread_ts else None
    return parent.text if parent is not None else post.message.thread_ts
