"""The workbench: a ticket with what happens next and why, and the rule files beside it, to try changes out on.

It is a page for one person on one machine: it listens on loopback, reads the tracker and never writes to it. What a
change of the rules would do is no simulation of its own, but `make_plan` asked twice, with the rules as they are and
as they would be.
"""
