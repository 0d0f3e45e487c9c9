"""How a connector is set up for the first time: what it must be told, how an answer is tried, what it finds by itself.

`pointman init` asks the questions of every connector that has a `Setup` and knows nothing of any product: a setup
speaks to its own through the same client as the connector, before there is a configuration. It changes nothing there.

`pointman setup` comes later, when there is a configuration: a connector then makes, step by step, what its product must
have for us (`Connector.install`), and says what is left to an administrator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from connectors.model import User

Answers: TypeAlias = Mapping[str, str]
"""What has been answered so far, by the name of the question; of several values one text, joined by commas."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a setup must be told. `env` is the variable that may answer it; a secret has no other flag.

    `again` are the questions that are asked once more where the answer proves wrong: itself alone where it is empty.
    `late`: only earlier answers tell whether it is needed at all, or what could be offered. `made`: a secret of our
    own, which is made up (`offer`) where none was given, and asked of nobody. `watch`: it is asked of one messenger
    only, of that which administrators read.
    """

    name: str
    asks: str
    env: str
    hint: str = ""
    secret: bool = False
    several: bool = False
    late: bool = False
    made: bool = False
    watch: bool = False
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a setup has found out.

    `table` is what the connector's table should say, secrets as `env/NAME`; `remarks` are comments to it, by path.
    `learnt` says in a sentence what our words are there; `notes` are sentences about what had better be looked at.

    Of a tracker: `words` maps each of our words that has a home there to its type, `services` and `teams` our names
    to the product's; `levels` are those of the severity that have a value there; `standing` is what it writes into a
    new ticket by itself, by word; `me` is the account; `kind` a type for a ticket that is no incident; `home` the name
    of the home ticket; `example` a ticket's key. `unready` says what lacks before a ticket can be kept there at all:
    `pointman setup` comes first then, and the home ticket is made afterwards.

    Of a messenger: `place` is where incidents are told, `watch` where an administrator alone reads.
    """

    table: Mapping[str, Any]
    remarks: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[str, ...] = ("high", "medium", "low")
    standing: Mapping[str, str] = field(default_factory=dict)
    me: User | None = None
    kind: str = ""
    home: str = ""
    example: str = ""
    place: str = ""
    watch: str = ""
    unready: str = ""
    learnt: str = ""
    notes: tuple[str, ...] = ()


class Setup(ABC):
    """The setting up of one connector. `name` is that of its table, `given` what is known of it beside the answers.

    `knows_people` is whether somebody can be looked for there at all.
    """

    questions: ClassVar[tuple[Question, ...]]
    knows_people: ClassVar[bool] = True

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self.name = name
        self.given = dict(given)

    def asks(self, question: Question, answers: Answers) -> bool:
        """Whether the question needs an answer, after what has been answered already. Makes no call."""
        return True

    def offer(self, question: Question, answers: Answers) -> str:
        """An answer that most would give, else the empty text. Raises ConnectorError."""
        return ""

    def hint(self, question: Question, answers: Answers) -> str:
        """What helps somebody to answer; by itself the question's own hint. Raises ConnectorError."""
        return question.hint

    @abstractmethod
    def accept(self, question: Question, answers: Answers) -> str:
        """Try the answer to this question for real; a sentence about what it led to. Raises ConnectorError."""

    @abstractmethod
    def discover(self, answers: Answers) -> Found:
        """Read how the product is set up. Raises ConnectorError."""

    def person(self, address: str) -> User | None:
        """Whoever has this e-mail address in the product, or None. Raises ConnectorError."""
        return None

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Order:
    """What `pointman setup` is asked for.

    `url` is Pointman's public address, without a path (empty: there is none); a webhook comes in at
    `<url>/hooks/<name of the connector>`. `dry`: only say what would be made.
    """

    url: str = ""
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a product must have for us, and how it stands with it now.

    `there`: nothing had to be done. `made`: it was made just now; `would`: it would be, without `dry`. `refused`: the
    product did not let us, `said` is why. `todo`: it is an administrator's, `said` is how. `content` is a file called
    `file` for the administrator, which whoever asked has to write somewhere.
    """

    what: str
    state: Literal["there", "made", "would", "refused", "todo"]
    said: str = ""
    file: str = ""
    content: bytes = b""


def listed(answer: str) -> tuple[str, ...]:
    """The values of an answer that may hold several."""
    return tuple(dict.fromkeys(part.strip() for part in answer.split(",") if part.strip()))
