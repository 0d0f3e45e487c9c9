"""JUnit's XML, as build servers read it: suites of tests, each with at most one failure, which tells all of them.

Only attributes of the common schema (Jenkins' `junit-10.xsd`) are written. What XML cannot hold at all, such as
control characters in a ticket's text, is shown as an escape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Test:
    """One test: its name, how many seconds it took, and each failure as a line and its details."""

    name: str
    seconds: float
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file."""

    name: str
    tests: tuple[Test, ...]


def document(suites: Sequence[Suite], name: str = "pointman test") -> str:
    """The whole document."""
    tests = [test for suite in suites for test in suite.tests]
    root = ET.Element("testsuites", {"name": name, **_counts(tests)})
    for suite in suites:
        made = ET.SubElement(root, "testsuite", {"name": _legal(suite.name), **_counts(suite.tests), "skipped": "0"})
        for test in suite.tests:
            named = {"name": _legal(test.name), "classname": _legal(suite.name), "time": f"{test.seconds:.6f}"}
            case = ET.SubElement(made, "testcase", named)
            if test.failures:
                said = "; ".join(line for line, _ in test.failures)
                failure = ET.SubElement(case, "failure", {"message": _legal(said), "type": "expectation"})
                failure.text = _legal("\n\n".join(f"{line}\n{details}" for line, details in test.failures))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}'


def _counts(tests: Sequence[Test]) -> dict[str, str]:
    failed = sum(bool(test.failures) for test in tests)
    seconds = sum(test.seconds for test in tests)
    return {"tests": str(len(tests)), "failures": str(failed), "errors": "0", "time": f"{seconds:.6f}"}


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
