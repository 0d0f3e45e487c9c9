"""Changed rule files are taken up while it runs; a bad file never replaces good rules."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest

from rules.load import load
from rules.model import RuleSet
from sync.reload import TOPIC, Reload

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
BASE = '[defaults]\ntimezone = "UTC"\n'


def rule(name: str, level: str = "high") -> str:
    return f"[[classify]]\nid = '{name}'\nwhen = 'summary == \"x\"'\nset = {{ severity = \"{level}\" }}\n"


class Desk:
    """A folder of rules that is watched, and what was taken up of it."""

    def __init__(self, folder: Path, paths: tuple[Path, ...]) -> None:
        self.folder, self.paths = folder, paths
        self.used: list[RuleSet] = []
        self.notices: dict[str, str] = {}
        self.reload = Reload(paths, lambda: load(paths), self.used.append, self.notices)
        self.stop = Event()
        self.thread = Thread(target=self.reload.run, args=(self.stop,))

    def until(self, true: Callable[[], bool]) -> None:
        limit = time.monotonic() + 45  # where a hint is missed the files are compared after 15 s
        while not true():
            assert time.monotonic() < limit, "it did not come true"
            time.sleep(0.01)

    def holds(self, name: str) -> bool:
        return self.now() == [name]

    def now(self) -> list[str]:
        return sorted(self.used[-1].by_id) if self.used else []


def watched(folder: Path, paths: tuple[Path, ...]) -> Iterator[Desk]:
    made = Desk(folder, paths)
    made.thread.start()
    time.sleep(0.3)  # the watch begins
    yield made
    made.stop.set()
    made.thread.join(10)
    assert not made.thread.is_alive()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "rules.d"
    folder.mkdir()
    (folder / "00-company.toml").write_text(BASE)
    (folder / "10-a.toml").write_text(rule("a"))
    yield from watched(folder, (folder,))


def test_a_changed_file_is_taken_up(desk: Desk) -> None:
    (desk.folder / "10-a.toml").write_text(rule("a") + rule("b"))
    desk.until(lambda: desk.now() == ["a", "b"])


def test_a_new_and_a_lost_file_are_noticed(desk: Desk) -> None:
    (desk.folder / "20-b.toml").write_text(rule("b"))
    desk.until(lambda: desk.now() == ["a", "b"])
    (desk.folder / "10-a.toml").unlink()
    desk.until(lambda: desk.now() == ["b"])


def test_an_editor_that_writes_beside_and_renames_is_noticed(desk: Desk) -> None:
    (desk.folder / "10-a.toml.new").write_text(rule("renamed"))
    (desk.folder / "10-a.toml.new").replace(desk.folder / "10-a.toml")
    desk.until(lambda: desk.now() == ["renamed"])


def test_a_bad_file_never_replaces_good_rules_and_is_told_until_it_is_repaired(desk: Desk) -> None:
    (desk.folder / "10-a.toml").write_text(rule("a").replace("summary", "sumary"))
    desk.until(lambda: TOPIC in desk.notices)
    assert desk.used == []
    assert "10-a.toml:3:" in desk.notices[TOPIC]
    assert "no field sumary" in desk.notices[TOPIC]
    (desk.folder / "10-a.toml").write_text(rule("a"))
    desk.until(lambda: desk.now() == ["a"])
    assert desk.notices == {}


def test_half_a_file_does_no_harm(desk: Desk) -> None:
    (desk.folder / "10-a.toml").write_text(rule("a")[:20])
    desk.until(lambda: TOPIC in desk.notices)
    assert desk.used == []


def test_nothing_is_read_again_that_did_not_change(desk: Desk) -> None:
    assert not desk.reload.compare()
    assert desk.used == []


def test_a_change_that_nobody_told_of_is_found_by_comparing(tmp_path: Path) -> None:
    folder = tmp_path / "rules.d"
    folder.mkdir()
    (folder / "a.toml").write_text(BASE + rule("a"))
    desk = Desk(folder, (folder,))  # not watched, as on a network drive
    (folder / "a.toml").write_text(BASE + rule("other"))
    assert desk.reload.compare()
    assert desk.now() == ["other"]


def test_a_mounted_config_map_that_swaps_its_link_is_noticed(tmp_path: Path) -> None:
    """As Kubernetes does it: `a.toml -> ..data/a.toml`, `..data -> ..2026_1`, and the second link is replaced."""
    folder = tmp_path / "rules.d"
    for name in ("..2026_1", "..2026_2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.toml").write_text(BASE + rule(f"in{name[-1]}"))
    (folder / "..data").symlink_to("..2026_1")
    (folder / "a.toml").symlink_to("..data/a.toml")
    for desk in watched(folder, (folder,)):
        (folder / "..data_tmp").symlink_to("..2026_2")
        (folder / "..data_tmp").replace(folder / "..data")
        desk.until(partial(desk.holds, "in2"))


def test_a_single_file_is_watched_too(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(BASE + rule("a"))
    for desk in watched(tmp_path, (path,)):
        path.write_text(BASE + rule("b"))
        desk.until(partial(desk.holds, "b"))


def test_a_folder_that_goes_away_is_told_and_taken_up_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "rules.d"
    folder.mkdir()
    (folder / "a.toml").write_text(BASE + rule("a"))
    desk = Desk(folder, (folder,))
    (folder / "a.toml").unlink()
    folder.rmdir()
    assert desk.reload.compare()
    assert "there is no such file or folder" in desk.notices[TOPIC]
    folder.mkdir()
    (folder / "a.toml").write_text(BASE + rule("back"))
    assert desk.reload.compare()
    assert desk.now() == ["back"]
