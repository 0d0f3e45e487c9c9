"""Looking for words and patterns in a ticket's text, without regard to case and in linear time.

`mentions` looks for whole words: a folded search with a look at both neighbours, since RE2's word boundary knows ASCII
only and its Unicode classes cost a millisecond each to compile. `matches` is RE2. Both can be asked for in bulk: a
`re2.Filter` over `fold`ed text tells which of a thousand patterns may match in a few microseconds.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import re2

LONGEST_TEXT = 8_192
LONGEST_PATTERN = 1_000
_BLIND_OFF = re.compile(r"(?<!\\)\(\?[a-zA-Z]*-[a-zA-Z]*i")


def fold(text: str) -> str:
    """A text without the difference of case, the way RE2 folds each letter.

    `str.lower` alone would lengthen İ and let a final Σ depend on its neighbours.
    """
    return text.replace("İ", "i").replace("Σ", "σ").lower()


class Searched:
    """One text, cut at 8 KB and prepared once for every pattern that looks into it.

    `raw` is what patterns look into, `folded` what a filter does, `spaced` what words are looked for in: folded, with
    each run of white space as one space.
    """

    __slots__ = ("folded", "raw", "spaced")

    def __init__(self, text: str) -> None:
        composed = unicodedata.normalize("NFC", text[:LONGEST_TEXT])
        folded = fold(composed)
        self.raw = composed.encode("utf-8", "replace")
        self.folded = folded.encode("utf-8", "replace")
        self.spaced = " ".join(folded.split())


class Pattern(ABC):
    """Something looked for in one word of a ticket. Equal to itself only, so that a set of them is quick.

    `atoms` are RE2 patterns of which one must match the folded text where this may be found; None: nothing is known.
    """

    __slots__ = ("atoms", "source", "word")

    def __init__(self, word: str, source: str, atoms: tuple[str, ...] | None) -> None:
        self.word, self.source, self.atoms = word, source, atoms

    @abstractmethod
    def found(self, text: Searched) -> bool:
        """Whether it is there."""


class Mention(Pattern):
    """One of several words or phrases, each as a whole."""

    __slots__ = ("phrases",)

    def __init__(self, word: str, phrases: Iterable[str]) -> None:
        self.phrases = tuple(" ".join(fold(unicodedata.normalize("NFC", one)).split()) for one in phrases)
        if not all(self.phrases):
            raise ValueError("an empty text would be found everywhere")
        rarest = (max(phrase.split(), key=len) for phrase in self.phrases)
        super().__init__(word, "|".join(self.phrases), tuple(f"(?-i:{re2.escape(part)})" for part in rarest))

    def found(self, text: Searched) -> bool:
        """Whether one of the phrases stands there by itself."""
        spaced = text.spaced
        return any(_mentioned(phrase, spaced) for phrase in self.phrases)


class Match(Pattern):
    """A regular expression in RE2's syntax. ValueError, in a sentence, where it is none."""

    __slots__ = ("_regexp",)

    def __init__(self, word: str, source: str) -> None:
        if len(source) > LONGEST_PATTERN:
            raise ValueError(f"a pattern has at most {LONGEST_PATTERN:,} characters; this one has {len(source):,}")
        if _BLIND_OFF.search(source):
            raise ValueError("patterns never regard case, so (?-i) cannot be had")
        composed = unicodedata.normalize("NFC", source)
        self._regexp = _compiled(composed)
        # İ folds to itself in a pattern but to i in a text, so the filter could not be believed.
        doubtful = "İ" in composed or r"\x" in composed
        super().__init__(word, source, None if doubtful else (composed,))

    def found(self, text: Searched) -> bool:
        """Whether it matches anywhere."""
        return self._regexp.search(text.raw) is not None


def options() -> Any:
    """RE2's options for all patterns: no regard to case, nothing captured, nothing written to stderr."""
    chosen = re2.Options()
    chosen.case_sensitive = False
    chosen.never_capture = True
    chosen.log_errors = False
    return chosen


def _compiled(source: str) -> Any:
    try:
        return re2.compile(source, options())
    except re2.error as error:
        said = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"the pattern cannot be read: {said}") from None
    except UnicodeEncodeError:
        raise ValueError("the pattern holds half a character") from None


def _mentioned(phrase: str, text: str) -> bool:
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        left = start == 0 or not (_wordly(text[start - 1]) and _wordly(phrase[0]))
        if left and (end == len(text) or not (_wordly(text[end]) and _wordly(phrase[-1]))):
            return True
        start = text.find(phrase, start + 1)
    return False


def _wordly(letter: str) -> bool:
    return letter.isalnum() or letter == "_" or unicodedata.category(letter)[0] == "M"
