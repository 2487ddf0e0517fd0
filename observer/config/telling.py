"""What a setting says of itself, for `--help` and for reading."""

from typing import Any

import msgspec


def told(help_text: str, **extra: Any) -> msgspec.Meta:
    """What `--help` says of a setting; `flag` where it is not the field's name, `unit` for a number."""
    return msgspec.Meta(description=help_text, extra=extra)


def amount(help_text: str, least: float = 0, **extra: Any) -> msgspec.Meta:
    """The same of a number."""
    return msgspec.Meta(ge=least, description=help_text, extra=extra)
