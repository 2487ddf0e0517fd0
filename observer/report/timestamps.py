"""Times of packets as text; always UTC, never the clock of this machine."""

from datetime import UTC, datetime

NS_PER_S = 1_000_000_000


def rfc3339(time_ns: int | None) -> str | None:
    """Nanoseconds since 1970 as `2026-11-20T10:11:12.123456789Z`."""
    if time_ns is None:
        return None
    seconds, fraction = divmod(time_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def span(first_ns: int, last_ns: int) -> str:
    """From first to last, to the second; the date is said once where it is the same."""
    first, last = (datetime.fromtimestamp(time // NS_PER_S, UTC) for time in (first_ns, last_ns))
    start = f"{first:%Y-%m-%d %H:%M:%S}"
    if first == last:
        return start
    return f"{start} – {last:%H:%M:%S}" if first.date() == last.date() else f"{start} – {last:%Y-%m-%d %H:%M:%S}"
