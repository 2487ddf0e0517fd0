"""The seam between a spool and a network: one batch out, one answer back. What the answers mean is the sender's."""

from typing import Protocol

import msgspec

from observer.spool.batch import Batch


class Taken(msgspec.Struct, frozen=True):
    """The receiver has the batch where it will not lose it; `duplicates` events it had before."""

    duplicates: int = 0


class Refused(msgspec.Struct, frozen=True):
    """The receiver will never take this batch."""

    reason: str


class TooLarge(msgspec.Struct, frozen=True):
    """The receiver takes smaller batches only."""

    reason: str


class Failed(msgspec.Struct, frozen=True):
    """Not now. `lasting`: until a person does something; `about_batch`: other batches may fare better."""

    reason: str
    retry_after_s: float | None = None
    lasting: bool = False
    about_batch: bool = False


Answer = Taken | Refused | TooLarge | Failed


class Transport(Protocol):
    """Sends batches to one receiver. One thread at a time may use it."""

    name: str
    """A word for metrics and logs, such as `collector`."""

    def send(self, batch: Batch) -> Answer:
        """Send a batch and wait for the answer; nothing that a network or a receiver does raises."""

    def close(self) -> None:
        """Let go of connections."""
