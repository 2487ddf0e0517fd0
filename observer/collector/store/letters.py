"""The dead letters: batches that could not be taken, with the reason."""

from collections.abc import Sequence
from typing import Any

from observer.collector.store import DeadLetter, Page, Position, conditions
from observer.collector.store.connection import Connection

COLUMNS = (
    "id, formatDateTime(received, '%Y-%m-%dT%H:%i:%S.%fZ'), node, principal, batch, class, status, reason, bytes, "
    "truncated, encoding"
)


class Letters:
    """The table `dead_letters`."""

    _connection: Connection

    def keep_dead_letter(self, letter: DeadLetter) -> None:
        """Commit a refused batch."""
        self._connection.insert("dead_letters", [letter])

    def dead_letters(self, page: Page) -> list[tuple[Position, DeadLetter]]:
        """Refused batches without their bodies, the newest first."""
        values: dict[str, Any] = {"limit": page.limit}
        parts = [*conditions.after(page, "received", "id", values)]
        rows = self._connection.rows(
            f"SELECT {COLUMNS}, '', toUnixTimestamp64Milli(received) * 1000000 FROM dead_letters FINAL "  # noqa: S608 - own text
            f"{conditions.where(parts)} ORDER BY received DESC, id DESC LIMIT {{limit:UInt32}}",
            values,
        )
        return [(Position(row[-1], row[0]), _letter(row[:-1])) for row in rows]

    def dead_letter(self, name: str) -> DeadLetter | None:
        """A refused batch with its body; None where there is none of that id."""
        rows = self._connection.rows(
            f"SELECT {COLUMNS}, body FROM dead_letters FINAL WHERE id = {{id:String}}",  # noqa: S608 - own text
            {"id": name},
        )
        return _letter(rows[0]) if rows else None


def _letter(row: Sequence[Any]) -> DeadLetter:
    return DeadLetter(*row)
