"""What the pages say is so: their TOML loads, their conditions compile, their commands and links exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from connectors.problems import Problems
from rules import condition, load
from rules.language import DEFAULTS, KINDS, TABLES
from rules.model import RuleSet
from sync import config
from sync.cli import scoring
from sync.cli.app import app
from sync.config import Config
from tests.pages import PAGES, ROOT, Block, blocks, headings, spans

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
REFERENCE = ROOT / "docs" / "rules.md"
LATER = "Not yet"
PRODUCTS = ("jira", "slack", "phone", "pagerduty", "jsm", "ical")
RULES = frozenset({*TABLES, *KINDS, "change", "test"})
TOML = [block for page in PAGES for block in blocks(page, "toml")]


def is_rules(block: Block) -> bool:
    """Whether a block belongs into a file of rules; else it is configuration."""
    tables = tomllib.loads(block.text).keys()
    if block.file:
        return block.file != "config.toml"
    return bool(tables & RULES) or (
        "defaults" in tables and bool(tomllib.loads(block.text)["defaults"].keys() & DEFAULTS.keys.keys())
    )


# ---- TOML


@pytest.mark.parametrize("block", TOML, ids=str)
def test_every_piece_of_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


def test_few_pieces_are_not_loaded_and_each_says_why() -> None:
    assert sum(bool(block.skipped) for block in TOML) <= 3


@cache
def company() -> Mapping[str, str]:
    """What the reference tells of a company: the other pages' rules are read with it."""
    tables = [block for block in blocks(REFERENCE, "toml") if not tomllib.loads(block.text).keys() & {*KINDS, "test"}]
    return {str(block): block.text for block in tables}


def together(page: Path) -> dict[str, str]:
    """The rules of one page as files."""
    files: dict[str, str] = {}
    for block in blocks(page, "toml"):
        if is_rules(block) and not block.skipped:
            name = block.file or f"{page.name}/{block.line:04}"
            files[name] = f"{files.get(name, '')}\n{block.text}"
    return files if any("[defaults]" in text for text in files.values()) or not files else {**company(), **files}


FOLLOWED = "tutorial.md"
"""Its blocks are parts of files that `pointman init` writes; test_tutorial.py does what it says."""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if together(page) and page.name != FOLLOWED], ids=lambda page: page.name
)
def test_the_rules_of_a_page_load(page: Path) -> None:
    early = {block.line for block in blocks(page, "toml") if block.section == LATER}
    try:
        found = load.parse(together(page), connectors=PRODUCTS)
        told = found.warnings
    except Problems as wrong:
        told = wrong.problems
        load.parse(together(page), connectors=PRODUCTS, later="ignore")
    for problem in told:
        assert problem.message.startswith("not yet"), problem
        assert int(problem.where.file.rpartition("/")[2]) in early, problem


@pytest.mark.parametrize(
    "block", [b for b in TOML if not is_rules(b) and not b.skipped and b.page.name != FOLLOWED], ids=str
)
def test_the_settings_of_a_page_load(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'"env/(\w+)"', block.text):
        monkeypatch.setenv(name, "https://a.secret.example/" if name.endswith("_URL") else "a secret")
    said = tomllib.loads(block.text).get("connectors", {})
    tracker = {"JIRA__URL": "https://jira.example.org", "JIRA__TOKEN": "a secret"}
    if "servicenow" in said:
        tracker = {f"SERVICENOW__{name}": "https://x.example.org" for name in ("URL", "USER", "PASSWORD")}
    for path, value in {**tracker, "SLACK__TOKEN": "a secret"}.items():
        product, _, name = path.lower().partition("__")
        if name not in said.get(product, {}):
            monkeypatch.setenv(f"POINTMAN_CONNECTORS__{path}", value)
    file = tmp_path / "config.toml"
    file.write_text(block.text, encoding="utf-8")
    assert isinstance(config.load(file), Config)


# ---- conditions


@cache
def reference() -> RuleSet:
    return load.parse(together(REFERENCE), connectors=PRODUCTS, later="ignore")


@pytest.mark.parametrize(
    "source", [line for block in blocks(REFERENCE, "python") for line in block.text.splitlines()], ids=str
)
def test_every_condition_of_the_reference_compiles(source: str) -> None:
    assert condition.compile(source, reference().vocabulary).names


# ---- commands

_COMMAND = re.compile(r"(?:^|(?<=[\s`$]))pointman +([^\n`|#]+)")


def commands(page: Path) -> list[str]:
    """What a page says after the word `pointman`, where it is code."""
    text = page.read_text(encoding="utf-8")
    code = [*spans(text)]
    for block in blocks(page):
        if block.language in {"sh", "cron", "ini", "yaml"}:
            code.append(block.text)
        elif block.language == "console":
            code += [line for line in block.text.splitlines() if line.startswith("$ ")]
    return [found[1].strip() for one in code for found in _COMMAND.finditer(one)]


@pytest.mark.parametrize(
    ("page", "said"),
    [(page, said) for page in PAGES for said in dict.fromkeys(commands(page))],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_command_exists_with_its_options(page: Path, said: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    first, *words = shlex.split(re.sub(r"[\[\]…]", " ", said))
    command = group if first.startswith("-") else group.commands.get(first)
    assert command is not None, f"{page.name} speaks of pointman {first}"
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {
        "--help",
        "--install-completion",
    }
    if "--at" in words or "--since" in words:
        said_at = words[words.index("--at" if "--at" in words else "--since") + 1]
        assert said_at == "TIME" or (scoring.reach if first == "score" else config.moment)(said_at)
    options = [word.partition("=")[0] for word in (first, *words) if word.startswith("-")]
    if first == "init":  # its options follow from the connectors
        known |= set(re.findall(r"--[a-z-]+", CliRunner().invoke(app, ["init", "--help"]).output))
    assert first == "demo" or set(options) <= known  # demo hands its options on


# ---- links


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:", "{{")):
            continue
        path, _, name = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not name or name in {anchor(heading) for _, heading in headings(file)}, target


# ---- pictures

PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.png"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_is_small_and_on_a_page(picture: Path) -> None:
    most = 150_000 if picture.name.startswith("terminal-") else 400_000
    assert picture.stat().st_size < most
    assert any(f"pictures/{picture.name})" in page.read_text(encoding="utf-8") for page in PAGES)


def test_every_picture_says_in_words_what_it_shows() -> None:
    for page in PAGES:
        for words in re.findall(r"!\[([^\]]*)\]\(", page.read_text(encoding="utf-8")):
            assert len(words.split()) > 3, page.name


# ---- what the README shows


def test_the_mistake_in_the_readme_is_told_in_these_words() -> None:
    shown = next(block.text for block in blocks(ROOT / "README.md", "") if "prioritty" in block.text)
    line = shown.splitlines()[1].strip()
    text = '[defaults]\ntimezone = "UTC"\n[fields]\npriority = { type = "choice", options = ["P1", "P2"] }\n'
    rule = f'[[classify]]\nid = "database"\n{line}\nset = {{ severity = "high" }}\n'
    with pytest.raises(Problems) as told:
        load.parse({"rules.d/00-company.toml": text, "rules.d/10-classify.toml": "\n" * 11 + rule})
    assert f"{told.value}\n" == shown
