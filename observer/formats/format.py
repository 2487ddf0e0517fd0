"""The formats by name, and lines of events turned into them."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import orjson

from observer.formats import cloudevents, ecs, ocsf


class Format(StrEnum):
    """How events look where they arrive; native: as docs/events.md has them."""

    NATIVE = "native"
    OCSF = "ocsf"
    ECS = "ecs"
    CLOUDEVENTS = "cloudevents"


CONVERTED: dict[Format, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Format.OCSF: ocsf.converted,
    Format.ECS: ecs.converted,
    Format.CLOUDEVENTS: cloudevents.converted,
}


def formatted(lines: bytes, chosen: Format) -> bytes:
    """Whole lines of events in another format, as many lines as before."""
    if chosen is Format.NATIVE:
        return lines
    convert = CONVERTED[chosen]
    return b"".join(orjson.dumps(convert(orjson.loads(line))) + b"\n" for line in lines.splitlines())
