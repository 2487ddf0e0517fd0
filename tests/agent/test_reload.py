"""Files are read again when they change; wrong ones leave the old in force."""

import time
from collections.abc import Callable
from pathlib import Path

from observer import logs
from observer.agent.reload import Reloader
from observer.errors import ConfigurationError

PATIENCE_S = 10


class Files:
    """One file whose content is what is known, and what was put in force."""

    def __init__(self, file: Path) -> None:
        self.file, self.in_force = file, list[str]()
        file.write_text("one")
        self.reloader = Reloader(
            "one",
            files=lambda _: [file],
            read=self._read,
            apply=self.in_force.append,
            ended=lambda: None,
            log=logs.configure("json", "error"),
            every_s=1,
        )

    def _read(self) -> str:
        if (text := self.file.read_text()) == "wrong":
            raise ConfigurationError("it is wrong")
        return text

    def until(self, happened: Callable[[], bool], now_s: float) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline
            self.reloader.tick(now_s)
            time.sleep(0.005)


def test_a_changed_file_is_read_again_when_it_was_the_same_twice(tmp_path: Path) -> None:
    files = Files(tmp_path / "file")
    files.reloader.tick(1)
    files.file.write_text("two, longer")
    files.reloader.tick(2)
    assert files.in_force == []

    files.until(lambda: bool(files.in_force), 3)
    assert (files.in_force, files.reloader.reloads.succeeded) == (["two, longer"], 1)


def test_a_wrong_file_is_told_and_the_old_stays_until_it_is_mended(tmp_path: Path) -> None:
    files = Files(tmp_path / "file")
    files.file.write_text("wrong")
    files.reloader.ask()
    files.until(lambda: files.reloader.reloads.failed > 0, 0)
    assert (files.in_force, files.reloader.reloads.trouble) == ([], "it is wrong")

    files.file.write_text("mended")
    files.reloader.ask()
    files.until(lambda: bool(files.in_force), 0)
    assert files.reloader.reloads.trouble is None
