"""Times of requests and answers: RFC 3339 or an age in, nanoseconds since 1970 within, RFC 3339 out."""

import re
from datetime import UTC, datetime, timedelta

AGE = re.compile(r"(\d{1,9})([smhd])")
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_NS = 1_000_000_000
LATEST_NS = 2**63 - 1


def nanoseconds(text: str, now_ns: int) -> int:
    """A time, or an age such as `15m`, `24h` or `7d` before now. Raises ValueError with what is wrong."""
    if age := AGE.fullmatch(text):
        return max(0, now_ns - int(age[1]) * UNITS_S[age[2]] * SECOND_NS)
    stamp = STAMP.fullmatch(text)
    if not stamp:
        raise ValueError(f"{text!r} is neither a time (2026-11-22T11:10:35Z) nor an age (15m, 24h, 7d)")
    whole = datetime.fromisoformat(stamp[1] + stamp[3].replace("Z", "+00:00")) - EPOCH
    told = (whole // timedelta(seconds=1)) * SECOND_NS + int((stamp[2] or "0").ljust(9, "0"))
    return min(max(0, told), LATEST_NS)


def rfc3339(time_ns: int) -> str:
    """A time as events have it."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def milliseconds(time_ns: int) -> str:
    """A time to the millisecond, as the store keeps when something came in."""
    return rfc3339(time_ns)[:-7] + "Z"
