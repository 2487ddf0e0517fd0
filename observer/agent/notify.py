"""Tells systemd, where it asks, how the agent stands (sd_notify(3)): ready, reloading, stopping, alive."""

import contextlib
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Speaks to the socket of NOTIFY_SOCKET; a failure to speak never stops the agent."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = int(environment.get("WATCHDOG_USEC") or 0) / 2e6
        self._alive_s = 0.0

    def ready(self, status: str) -> None:
        """Packets are captured, or a reload has ended."""
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Files are read again."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1")

    def tick(self, now_s: float) -> None:
        """Still alive: twice in the time after which systemd would think otherwise."""
        if self._every_s and now_s - self._alive_s >= self._every_s:
            self._alive_s = now_s
            self._say("WATCHDOG=1")

    def _say(self, message: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.sendto(message.encode(), self._address)
