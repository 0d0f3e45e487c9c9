"""What an installation says about itself: `config.toml`, the environment over it, and each connector's own table.

pydantic-settings reads the file (`TomlConfigSettingsSource`) and the environment (`POINTMAN_SERVER__PORT=8443` is
`port` of `[server]`). Left alone it passes over a misspelt environment name and a missing file without a word, and its
errors know no line; so the sources are called one by one here, and every error is brought back to its place by
`sync.mistakes`. Values are never repeated in an error: they may be secrets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource, PydanticBaseSettingsSource, TomlConfigSettingsSource

from connectors import registry
from connectors.base import Connector
from connectors.config import ConnectorSettings, Secret, TrackerSettings
from connectors.problems import Problem, Problems, Where, nearest
from rules import duration
from sync.mistakes import Mistakes

if TYPE_CHECKING:
    from sync.look import Site

DEFAULT = Path("config.toml")
PREFIX = "POINTMAN_"


def _span(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    try:
        seconds = float(value)
    except ValueError:
        return duration.parse(str(value))
    if not 0 < seconds < 1e9:
        raise ValueError("must be longer than nothing")
    return timedelta(seconds=seconds)


def _one_or_more(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(json.loads(value)) if value.startswith("[") else (value,)
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
"""A length of time: `"10s"`, `"1h30m"`, or a number of seconds."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(_Table):
    """`[server]`: where webhooks come in, and where health and metrics are told."""

    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(default=8480, ge=0, le=65535, description="The port; 0 takes a free one.")


class Sweep(_Table):
    """`[sweep]`: how often the tracker is asked, and how many tickets are looked at side by side."""

    every: Span = Field(default=timedelta(seconds=10), description="How often to ask what changed.")
    full: Span = Field(default=timedelta(minutes=5), description="How often to list all that is open.")
    concurrency: int = Field(default=32, ge=1, le=256, description="Tickets looked at side by side.")


class Floods(_Table):
    """`[floods]`: what is held or gathered when there is suddenly very much of it."""

    edits: int = Field(default=50, ge=1, description="Unexplained edits in one sweep above which all are held.")
    calls: int = Field(default=10, ge=1, description="Calls to one place in ten minutes above which they are one list.")


class Drill(_Table):
    """`[drill]`: what is different in `pointman drill --live`, which rehearses with real people."""

    place: str = Field(
        default="", description="Who is told what would go outside of the company, as slack:#drills; nobody, if empty."
    )
    inside: tuple[str, ...] = Field(
        default=(), description="The company's e-mail domains; those of [people], where none are named."
    )


def _site(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("https://", "http://")):
        raise ValueError("must begin with https://")
    return url


class Heartbeat(_Table):
    """`[heartbeat]`: where Pointman says that it is well; whoever hears nothing for long raises the alarm."""

    url: Annotated[Secret, AfterValidator(_site)] | None = Field(
        default=None, description="A dead man's switch, such as https://hc-ping.com/…."
    )
    every: Span = Field(default=timedelta(minutes=1), description="How often.")


class Config(BaseSettings):
    """Everything that `config.toml` and the environment say, checked. `connectors` maps each name to its settings.

    `rules` are as written, relative to the file's folder; `rule_paths` are ready to be read.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    tracker: str = Field(default="", description="Which connector the tickets live in, where there are several.")
    rules: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_one_or_more)] = Field(
        default=("rules.d",), description="Rule files and folders of them, relative to this file."
    )
    home: str = Field(default="", description="The home ticket's key: what concerns no single ticket is told there.")
    start: AwareDatetime | None = Field(default=None, description="Nothing that was due before this moment is owed.")
    mode: Literal["off", "watch", "on"] = Field(default="on", description="Of the whole; a rule may be more cautious.")
    grace: Span = Field(default=timedelta(days=1), description="News older than this are counted, not sent.")
    watch: str = Field(default="", description='Where watched rules say "I would have…", such as slack:#pointman.')
    emergency: str = Field(default="", description="Who is called when the tracker cannot be reached, as slack:#x.")
    defaults: dict[str, str | float | bool] = Field(
        default_factory=dict, description="What the tracker itself writes into a new ticket, by word: nobody's choice."
    )
    tolerance: Span = Field(default=timedelta(minutes=5), description="How late an effect may be before it is overdue.")
    server: Server = Server()
    sweep: Sweep = Sweep()
    floods: Floods = Floods()
    drill: Drill = Drill()
    heartbeat: Heartbeat = Heartbeat()
    connectors: dict[str, Any] = Field(default_factory=dict, description="One table for each connector, by name.")
    _path: Path = PrivateAttr(default=DEFAULT)
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` hands over, and nothing else: it has called the file and the environment itself."""
        return (init_settings,)

    @property
    def path(self) -> Path:
        """The file this was read from."""
        return self._path

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What works, and had better be otherwise."""
        return self._warnings

    @property
    def rule_paths(self) -> tuple[Path, ...]:
        """The rule files and folders."""
        return tuple(self._path.parent / name for name in self.rules)

    def site(self) -> Site:
        """What the engine wants to know of all this."""
        from sync.look import Site

        return Site(
            home=self.home,
            start=self.start,
            grace=self.grace,
            edits=self.floods.edits,
            calls=self.floods.calls,
            watch=_place(self.watch),
            emergency=_place(self.emergency),
            defaults=self.defaults,
        )

    def kind(self, name: str) -> type[Connector]:
        """The class of a configured connector."""
        return registry.load(self.connectors[name].use or name)

    def secrets(self) -> frozenset[str]:
        """Every secret there is, so that the log can take them out. Not to be kept or shown."""
        beat = self.heartbeat.url
        path = urlsplit(beat.get_secret_value()).path if beat is not None else ""  # as libraries name it
        named = (s for settings in (*self.connectors.values(), self.heartbeat) for s in _secrets(settings))
        return frozenset((*named, *([path] if len(path) > len("/ping/") else [])))


def _place(said: str) -> tuple[str, str] | None:
    product, colon, address = said.partition(":")
    return (product, address) if colon else None


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _secrets(each)


def load(path: Path = DEFAULT) -> Config:
    """Read the file, the environment, and `.env` beside the file (for `env/NAME`). Raises Problems: all of them."""
    if not path.is_file():
        raise Problems([Problem(Where(str(path)), "there is no such file", hint="begin with pointman init")])
    warnings = _dotenv(path.parent / ".env")
    mistakes = Mistakes(path, PREFIX, Config)
    values = _sources(path, mistakes)
    tables = values.setdefault("connectors", {})
    if isinstance(tables, dict):
        values["connectors"], kinds = _connectors(tables, mistakes)
        values["tracker"] = _tracker(values.get("tracker"), kinds, mistakes)
        _references(values, tables, mistakes)
    try:
        config = Config(**values)
    except ValidationError as error:
        mistakes.add(error)
    if mistakes:
        raise mistakes.told()
    config._path, config._warnings = path, warnings
    return config


def dotenv(path: Path) -> dict[str, str]:
    """What a file such as `.env` says, by name: each value as it is, without `${…}` being filled in."""
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    read = StringIO(path.read_text(encoding="utf-8", errors="surrogateescape"))  # another encoding is no mistake here
    return {name: value for name, value in dotenv_values(stream=read, interpolate=False).items() if value is not None}


def _dotenv(path: Path) -> tuple[Problem, ...]:
    """Read `.env` into the environment; what is set there already stays. A warning where others may read it."""
    for name, value in dotenv(path).items():
        os.environ.setdefault(name, value)
    if os.name == "posix" and path.is_file() and path.stat().st_mode & 0o077:
        said = "others on this machine may read the secrets in it"
        return (Problem(Where(str(path)), said, hint=f"chmod 600 {path.name}", level="warning"),)
    return ()


def environment() -> dict[str, Any]:
    """What the environment alone says of the settings, unchecked: what would stand over a file."""
    return _merged({}, _Environment(Config)())


def _sources(path: Path, mistakes: Mistakes) -> dict[str, Any]:
    """What the file says, and the environment over it. A file that is no TOML is told at once: nothing else can be."""
    try:
        values = TomlConfigSettingsSource(Config, path)()
    except (ValueError, RecursionError):  # TOMLDecodeError is a ValueError, and names no file
        raise mistakes.unreadable() from None
    mistakes.environment()
    environment = _Environment(Config)
    over = environment()
    for name in environment.undecoded:
        mistakes.undecoded(name)
    return _merged(values, over)


class _Environment(EnvSettingsSource):
    """The environment; a table or list there that is no JSON is noted and left out, so that the rest can be told."""

    def __init__(self, model: type[BaseSettings]) -> None:
        super().__init__(model)
        self.undecoded: list[str] = []

    def decode_complex_value(self, field_name: str, field: FieldInfo | None, value: Any) -> Any:
        """JSON, for our own settings. A connector's are not known here, and a token of digits is no number."""
        if field is None or field is not Config.model_fields.get(field_name):
            return _decoded(value)
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            self.undecoded.append(field_name)
            return {}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _connectors(tables: Mapping[str, Any], mistakes: Mistakes) -> tuple[dict[str, ConnectorSettings], dict[str, str]]:
    """Each connector's settings, read by the class of its kind, and the kinds. Wrong ones are noted and left out."""
    made: dict[str, ConnectorSettings] = {}
    kinds: dict[str, str] = {}
    for name, table in tables.items():
        place = ("connectors", name)
        if not isinstance(table, dict):
            mistakes.note(place, "a connector is a table", hint=f"write [connectors.{name}] and its settings below it")
            continue
        kind = str(table.get("use") or name)
        try:
            made[name] = registry.settings(kind).model_validate(table)
        except LookupError as error:
            message, _, hint = str(error).partition("; ")
            hint = hint or f'write use = "…" with what it is: {", ".join(registry.available())}'
            mistakes.note((*place, "use") if table.get("use") else place, message, hint=hint, key=not table.get("use"))
            continue
        except ValidationError as error:
            mistakes.add(error, place, registry.settings(kind))
        kinds[name] = kind
    return made, kinds


def _decoded(value: Any) -> Any:
    """A list or a table, where the text is clearly one."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _tracker(said: Any, kinds: Mapping[str, str], mistakes: Mistakes) -> Any:
    """The connector that the tickets live in: the one named, or the only one there is."""
    trackers = sorted(name for name, kind in kinds.items() if _is_tracker(kind))
    if said and said not in trackers and isinstance(said, str):
        hint = nearest(said, trackers) or f"there are: {', '.join(trackers) or 'none'}"
        mistakes.note(("tracker",), f"no tracker {said} is configured", hint=hint)
    elif not said and len(trackers) > 1:
        mistakes.note((), f"several trackers: {', '.join(trackers)}", hint=f'say which: tracker = "{trackers[0]}"')
    elif not said and not trackers and not mistakes:
        mistakes.note((), "no tracker is configured", hint="add a table such as [connectors.jira]")
    return said or next(iter(trackers), "")


def _is_tracker(kind: str) -> bool:
    return issubclass(registry.settings(kind), TrackerSettings)


def _references(values: Mapping[str, Any], tables: Mapping[str, Any], mistakes: Mistakes) -> None:
    """`watch` and `emergency` name a place of a configured product, `people` of what rings another connector."""
    for word in ("watch", "emergency"):
        said = values.get(word)
        if not said or not isinstance(said, str):
            continue
        product, colon, address = said.partition(":")
        if not (colon and address):
            mistakes.note((word,), "must be a product's own address", hint="such as slack:#pointman")
        elif product not in tables:
            mistakes.note((word,), f"no connector {product} is configured", hint=nearest(product, tables))
    for name, table in tables.items():
        people = table.get("people") if isinstance(table, dict) and (table.get("use") or name) == "webhook" else None
        if isinstance(people, str) and people and people not in tables:
            hint = nearest(people, tables)
            mistakes.note(("connectors", name, "people"), f"no connector {people} is configured", hint=hint)


def moment(text: str) -> datetime:
    """A moment as a person types it: ISO 8601 with a zone, `2026-01-31T09:30Z`. Raises ValueError with a sentence."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no moment; write it as 2026-01-31T09:30Z") from None
    if said.tzinfo is None:
        raise ValueError(f"{text} names no zone; write it as {text}Z for UTC")
    return said
