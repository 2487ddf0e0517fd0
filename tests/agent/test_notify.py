"""What systemd is told, over a real socket."""

import socket
from pathlib import Path

from observer.agent.notify import Notifier


def test_systemd_is_told_of_the_start_reloads_life_and_the_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"})
        notifier.ready("capturing")
        notifier.reloading()
        for second in (1.0, 1.5, 2.0):
            notifier.tick(second)
        notifier.stopping()
        told = [systemd.recv(200).decode().splitlines()[0] for _ in range(5)]

    assert told == ["READY=1", "RELOADING=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_without_systemd_nothing_is_told_and_nothing_fails() -> None:
    Notifier({}).ready("capturing")
    Notifier({"NOTIFY_SOCKET": "/nowhere/at/all"}).stopping()
