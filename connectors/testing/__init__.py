"""What connectors are tested with: fakes that keep their world in memory, and one contract for each role.

`connectors.testing.contract` holds the contracts. It needs pytest, so it is imported by tests alone.
"""

from connectors.testing.memory import BOT, MemoryMessenger, MemoryTracker, Post, Room

__all__ = ["BOT", "MemoryMessenger", "MemoryTracker", "Post", "Room"]
