"""What a shell is told when somebody presses the tab key: asked by the shells' own protocol, of the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from sync.cli.app import app

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
POINTMAN = Path(sys.executable).parent / "pointman"
FORMATS = {"text", "json", "github", "sarif"}


PATH = f"{POINTMAN.parent}{os.pathsep}{os.environ['PATH']}"


def asked(words: str) -> dict[str, str]:
    """What bash puts into the environment; `words` ends where the cursor is."""
    at = len(words.split(" ")) - 1
    return {"COMP_WORDS": words.replace(" ", "\n"), "COMP_CWORD": str(at), "_POINTMAN_COMPLETE": "complete_bash"}


def answered(said: dict[str, str]) -> str:
    """What the program answers, which is imported already: a shell starts it in the last of these tests."""
    done = CliRunner().invoke(app, [], prog_name="pointman", env=said)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def bash(words: str) -> set[str]:
    """What bash offers."""
    return set(answered(asked(words)).split())


def zsh(words: str) -> str:
    """What zsh is told to do."""
    return answered({"_TYPER_COMPLETE_ARGS": words, "_POINTMAN_COMPLETE": "complete_zsh"})


def in_bash(script: str, folder: Path, **said: str) -> str:
    """What bash says that runs it, with the folder as its home."""
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, "PATH": PATH, "HOME": str(folder), **said},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_every_command_is_offered() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert bash("pointman ") == set(group.commands)
    assert bash("pointman ch") == {"check"}


def test_the_formats_of_a_command_are_offered() -> None:
    assert bash("pointman check --format ") == FORMATS
    assert bash("pointman check --format s") == {"sarif"}
    assert bash("pointman plan OPS-42 --format ") == {"text", "json"}
    assert all(f'"{name}"' in zsh("pointman check --format ") for name in FORMATS)


def test_the_words_of_an_argument_are_offered() -> None:
    assert bash("pointman schema ") == {"rules", "config", "pack", "drill"}
    assert {"checkout-down", "ransomware"} <= bash("pointman drill ")
    assert bash("pointman drill ra") == {"ransomware"}


def test_options_are_offered_and_told_what_they_are_for() -> None:
    assert {"--config", "--live", "--format"} <= bash("pointman check --")
    assert "Try every product for real too" in zsh("pointman check --l")


def test_a_configuration_is_completed_as_files_are(tmp_path: Path) -> None:
    """By the shell itself: bash falls back to files where nothing is offered, zsh is told to."""
    assert bash("pointman check --config ") == set()
    assert "complete -o default " in in_bash("pointman --show-completion; :", tmp_path)
    assert zsh("pointman check --config ").strip() == "_files"


def test_the_options_that_connectors_bring_to_init_are_offered() -> None:
    offered = bash("pointman init here --yes --jira-url https://x.example --")
    assert {"--servicenow-url", "--teams-channel", "--email-sender", "--tracker", "--with"} <= offered
    assert {"--jira-project", "--slack-channel", "--person", "--timezone"} <= offered
    assert not {flag for flag in offered if "token" in flag}, "a secret is no option"
    assert "Which projects? Their keys such as OPS" in zsh("pointman init --jira-")


def test_the_values_of_inits_options_are_offered() -> None:
    assert bash("pointman init --format ") == {"text", "json"}
    assert bash("pointman init --timezone Europe/Berl") == {"Europe/Berlin"}
    assert bash("pointman init --tracker ") == {"jira", "servicenow"}
    assert bash("pointman init --with ") == {"email", "slack", "teams", "teams_webhook"}
    assert bash("pointman init --with slack,e") == {"slack,email"}


def test_bash_completes_once_it_is_installed(tmp_path: Path) -> None:
    in_bash("pointman --install-completion; :", tmp_path)  # it is told by whom it was started
    words = "COMP_WORDS=(pointman check --format sa); COMP_CWORD=3"
    asks = f'source ~/.bashrc; {words}; _pointman_completion pointman; echo "$COMPREPLY"'
    assert in_bash(asks, tmp_path) == "sarif\n"


@pytest.mark.parametrize("words", ["pointman ", "pointman check --format "])
def test_nobody_waits_for_it(words: str, tmp_path: Path) -> None:
    """0.16 s of the processor where nothing else runs, 0.4 s beside a busy core; one of five at the most."""
    took: list[float] = []
    while len(took) < 5 and min(took, default=1.0) >= 0.8:
        before = sum(os.times()[2:4])  # of children that have ended
        assert set(in_bash("exec pointman", tmp_path, **asked(words)).split()) == bash(words)
        took.append(sum(os.times()[2:4]) - before)
    assert min(took) < 0.8, took
