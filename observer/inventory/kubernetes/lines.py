"""Cuts a stream into lines; one that is too long to be an object is told and left out."""

from collections.abc import Iterable, Iterator

LONGEST = 8 * 1024 * 1024
"""etcd takes no object above 1.5 MiB by default, and its JSON is not many times that."""


def lines(chunks: Iterable[bytes], longest: int = LONGEST) -> Iterator[bytes | None]:
    """Whole lines without their end, None for one that was too long; the rest at the end is no line."""
    parts, length = list[bytes](), 0
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            length += len(end)
            yield b"".join((*parts, end)) if length <= longest else None
            parts, length = [], 0
        length += len(rest)
        if length <= longest:
            parts.append(rest)
        else:
            parts.clear()
