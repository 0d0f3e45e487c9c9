"""What a tracker tells of our own edits may come before its answer to them."""

from connectors.model import Changed, Edit
from connectors.testing import BOT, MemoryTracker
from tests.world import World


def test_an_echo_that_overtakes_the_answer_to_its_write_is_known() -> None:
    world = World()
    known: list[bool] = []

    class Overtaking(MemoryTracker):
        def write(self, ref: str, edit: Edit | None, ledger: str | None) -> None:
            before = len(self.tickets[ref].history)
            super().write(ref, edit, ledger)
            ours = tuple(change for change in self.tickets[ref].history[before:] if change.by == BOT)
            if ours:
                known.append(world.engine.is_echo(Changed(ref, ours)))

    world.tracker = Overtaking(world.clock)
    world.restart()
    ref = world.ticket()
    world.click("resolve", ref)
    assert len(known) >= 2, "the look's own edit, and the one that a person asked for"
    assert all(known)
