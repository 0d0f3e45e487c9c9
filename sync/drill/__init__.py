"""Drills: a disaster in virtual time, with the real engine over products that keep their world in memory.

    scenario   what happens, and what must follow: values        language   how a scenario is written, and read
    products   the tracker and the messengers of a drill         play       lets it happen, hour by hour in milliseconds
    story      what was told to whom and when, as it went        verdict    what was not as expected, and why

A ticket in virtual time (`sync.trial`) does what is owed as if everything went well. A drill is more: many tickets at
once, products that fail, a Pointman that is down, people who answer or do not, and so the real looks, claims and all.
"""
