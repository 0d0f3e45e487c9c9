"""Mistakes on a narrow terminal: nothing runs over, and the caret stands below what is wrong."""

from __future__ import annotations

import pytest

from connectors.problems import Problem, Where
from sync.cli import pointing

LINE = 'text = "**{{ key }} {{ summary }}**: {{ severity }}, {{ assigned or nobody }} has it, and so on and so forth."'


def problem(word: str, line: str = LINE) -> Problem:
    where = Where("rules.d/10-start.toml", 41, line.index(word) + 1, len(word), line)
    return Problem(where, f"no variable {word}", "notify card", "did you mean assignee?")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 119])
@pytest.mark.parametrize("word", ["text", "{{ key", "assigned", "forth", 'forth."'])
def test_the_caret_stands_below_what_is_wrong_at_any_width(word: str, width: int) -> None:
    *head, shown, carets = pointing.text(problem(word), width).splitlines()
    assert max(map(len, (*head, shown, carets))) <= width
    at = carets.index("^")
    assert shown[at : at + len(word)] == word
    assert carets.count("^") == len(word)
    assert " ".join(head).split() == str(problem(word)).splitlines()[0].split()


def test_what_is_cut_off_is_marked() -> None:
    shown = pointing.text(problem("assigned"), 60).splitlines()[-2].strip()
    assert (shown[0], shown[-1]) == ("…", "…")


def test_what_is_longer_than_the_terminal_is_underlined_to_its_edge() -> None:
    whole = problem(LINE)
    *_, shown, carets = pointing.text(whole, 50).splitlines()
    assert (len(shown), len(carets)) == (50, 50)


def test_what_fits_stays_as_it_is_and_so_does_what_goes_into_a_file() -> None:
    assert pointing.text(problem("assigned"), 200) == str(problem("assigned"))
    assert pointing.text(problem("assigned"), None) == str(problem("assigned"))


def test_what_has_no_line_is_folded() -> None:
    said = pointing.text(Problem(Where(), "no webhook is believed " * 9, "connectors.jira"), 60)
    assert max(map(len, said.splitlines())) <= 60
