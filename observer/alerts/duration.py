"""A span of time as people write it in configuration: `30s`, `5m`, `4h`, `1d`, `1h30m`."""

import re

NS_PER_S = 1_000_000_000
UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
WRITTEN = re.compile(r"(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,9}s)?")
PART = re.compile(r"(\d+)([dhms])")


class Duration:
    """A duration in nanoseconds, from its text."""

    __slots__ = ("ns", "text")

    def __init__(self, text: str) -> None:
        """ValueError where the text is no duration."""
        if not text or not WRITTEN.fullmatch(text):
            raise ValueError(f"{text!r} is no duration such as 30s, 5m, 4h or 1d")
        self.text = text
        self.ns = sum(int(number) * UNITS_S[unit] for number, unit in PART.findall(text)) * NS_PER_S

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self.ns / NS_PER_S

    def __repr__(self) -> str:
        return self.text
