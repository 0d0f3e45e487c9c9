"""Bodies as data: tables whose texts hold `{words}` in braces, so that a recipe is written down and not programmed.

A text that is one word alone becomes that word's value as it is; what comes to nothing is left out with its name. The
words are put in before anything is encoded, so that nothing a ticket says can become part of the structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Template: TypeAlias = Mapping[str, Any]
_WORD = re.compile(r"\{(\w+)\}")


def filled(template: Any, words: Mapping[str, Any]) -> Any:
    """The template with the words in it; numbers and flags stay. Raises KeyError for a word that is not there."""
    if isinstance(template, str):
        alone = _WORD.fullmatch(template)
        return words[alone[1]] if alone else _WORD.sub(lambda found: str(words[found[1]]), template)
    if isinstance(template, Mapping):
        made = {name: filled(inner, words) for name, inner in template.items()}
        return {name: value for name, value in made.items() if not _nothing(value)}
    if isinstance(template, list | tuple):
        return [value for inner in template if not _nothing(value := filled(inner, words))]
    return template


def asked(template: Any) -> Iterator[str]:
    """Every word that a template asks for."""
    if isinstance(template, str):
        yield from (found[1] for found in _WORD.finditer(template))
    elif isinstance(template, Mapping):
        for inner in template.values():
            yield from asked(inner)
    elif isinstance(template, list | tuple):
        for inner in template:
            yield from asked(inner)


def _nothing(value: Any) -> bool:
    return value is None or value in ("", {}, [])
