"""What a shell is told when somebody presses the tab key: asked by the shells' own protocol, of the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from sync.cli.app import app

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
POINTMAN = Path(sys.executable).parent / "pointman"
FORMATS = {"text", "json", "github", "sarif"}


def call(said: dict[str, str], folder: Path, *args: str) -> str:
    path = f"{POINTMAN.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [POINTMAN, *args], cwd=folder, env={**os.environ, "PATH": path, "HOME": str(folder), **said},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def bash(words: str, folder: Path) -> set[str]:
    """What bash offers; `words` ends where the cursor is."""
    at = len(words.split(" ")) - 1
    said = {"COMP_WORDS": words.replace(" ", "\n"), "COMP_CWORD": str(at), "_POINTMAN_COMPLETE": "complete_bash"}
    return set(call(said, folder).split())


def zsh(words: str, folder: Path) -> str:
    """What zsh is told to do."""
    return call({"_TYPER_COMPLETE_ARGS": words, "_POINTMAN_COMPLETE": "complete_zsh"}, folder)


def test_every_command_is_offered(tmp_path: Path) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert bash("pointman ", tmp_path) == set(group.commands)
    assert bash("pointman ch", tmp_path) == {"check"}


def test_the_formats_of_a_command_are_offered(tmp_path: Path) -> None:
    assert bash("pointman check --format ", tmp_path) == FORMATS
    assert bash("pointman check --format s", tmp_path) == {"sarif"}
    assert bash("pointman plan OPS-42 --format ", tmp_path) == {"text", "json"}
    assert all(f'"{name}"' in zsh("pointman check --format ", tmp_path) for name in FORMATS)


def test_the_words_of_an_argument_are_offered(tmp_path: Path) -> None:
    assert bash("pointman schema ", tmp_path) == {"rules", "config", "pack", "drill"}
    assert {"checkout-down", "ransomware"} <= bash("pointman drill ", tmp_path)
    assert bash("pointman drill ra", tmp_path) == {"ransomware"}


def test_options_are_offered_and_told_what_they_are_for(tmp_path: Path) -> None:
    assert {"--config", "--live", "--format"} <= bash("pointman check --", tmp_path)
    assert "Try every product for real too" in zsh("pointman check --l", tmp_path)


def test_a_configuration_is_completed_as_files_are(tmp_path: Path) -> None:
    """By the shell itself: bash falls back to files where nothing is offered, zsh is told to."""
    assert bash("pointman check --config ", tmp_path) == set()
    assert "complete -o default " in call({}, tmp_path, "--show-completion", "bash")
    assert zsh("pointman check --config ", tmp_path).strip() == "_files"


def test_the_options_that_connectors_bring_to_init_are_offered(tmp_path: Path) -> None:
    offered = bash("pointman init here --yes --jira-url https://x.example --", tmp_path)
    assert {"--servicenow-url", "--teams-channel", "--email-sender", "--tracker", "--with"} <= offered
    assert {"--jira-project", "--slack-channel", "--person", "--timezone"} <= offered
    assert not {flag for flag in offered if "token" in flag}, "a secret is no option"
    assert "Which projects? Their keys such as OPS" in zsh("pointman init --jira-", tmp_path)


def test_the_values_of_inits_options_are_offered(tmp_path: Path) -> None:
    assert bash("pointman init --format ", tmp_path) == {"text", "json"}
    assert bash("pointman init --timezone Europe/Berl", tmp_path) == {"Europe/Berlin"}
    assert bash("pointman init --tracker ", tmp_path) == {"jira", "servicenow"}
    assert bash("pointman init --with ", tmp_path) == {"email", "slack", "teams", "teams_webhook"}
    assert bash("pointman init --with slack,e", tmp_path) == {"slack,email"}


def test_bash_completes_once_it_is_installed(tmp_path: Path) -> None:
    call({"SHELL": "/bin/bash"}, tmp_path, "--install-completion", "bash")
    words = "COMP_WORDS=(pointman check --format sa); COMP_CWORD=3"
    path = f"{POINTMAN.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f'source ~/.bashrc; {words}; _pointman_completion pointman; echo "$COMPREPLY"'],
        env={"HOME": str(tmp_path), "PATH": path}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == "sarif\n"


@pytest.mark.parametrize("words", ["pointman ", "pointman check --format "])
def test_nobody_waits_for_it(words: str, tmp_path: Path) -> None:
    """0.16 s of the processor where nothing else runs, 0.4 s beside a busy core; the best of five."""
    took = []
    for _ in range(5):
        before = sum(os.times()[2:4])  # of children that have ended
        bash(words, tmp_path)
        took.append(sum(os.times()[2:4]) - before)
    assert min(took) < 0.8, took
