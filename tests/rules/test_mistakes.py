"""Every mistake beside this file is answered with exactly the words beside it.

A file of `mistakes/` holds one slip (some hold more, to show that all are told at once) and is read together with
`company.toml`, unless it begins with `# alone`. `python tests/rules/test_mistakes.py` writes the answers that are not
there yet, to be read by a person before they are kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.problems import Problems
from rules import load

HERE = Path(__file__).parent
FILES = sorted((HERE / "mistakes").glob("*.toml"))


def answer(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    texts = {path.name: text}
    if not text.startswith("# alone"):
        texts["company.toml"] = (HERE / "company.toml").read_text(encoding="utf-8")
    try:
        load.parse(texts)
    except Problems as problems:
        return f"{problems}\n"
    return ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_mistake_is_answered_in_exactly_these_words(path: Path) -> None:
    assert answer(path) == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_there_is_an_answer_for_every_file_and_a_file_for_every_answer() -> None:
    answers = {path.stem for path in (HERE / "mistakes").glob("*.txt")}
    assert answers == {path.stem for path in FILES}
    assert len(FILES) >= 60


def test_without_a_mistake_there_is_nothing_to_say() -> None:
    found = load.parse({"company.toml": (HERE / "company.toml").read_text(encoding="utf-8")})
    assert found.warnings == ()


if __name__ == "__main__":
    for each in FILES:
        if not each.with_suffix(".txt").exists():
            each.with_suffix(".txt").write_text(answer(each), encoding="utf-8")
