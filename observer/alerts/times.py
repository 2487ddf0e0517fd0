"""Times as messages write them; always UTC."""

from datetime import UTC, datetime

NS_PER_S = 1_000_000_000


def rfc3339(time_ns: int) -> str:
    """Nanoseconds since 1970 as `2026-11-20T10:11:12.123456Z`: microseconds, for more trips up some receivers."""
    seconds, fraction = divmod(time_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction // 1000:06d}Z"
