"""The agent's settings: one frozen object, made once and passed on. How it comes about is in `reading`.

A field is a key of the file, `OBSERVER_` with its name in capitals in the environment, and a flag.
"""

from enum import StrEnum
from typing import Annotated

from observer.config.delivery import Delivery
from observer.config.reading import Address, Listen, Location, Secret
from observer.config.telling import amount, told

STANDARD_OUTPUT = Location("-")


class Backend(StrEnum):
    """A rung of the ladder of live capture, or the best that holds."""

    BEST = "best"
    EBPF = "ebpf"
    CLASSIC = "classic"


class LogFormat(StrEnum):
    """How the agent's own messages look; auto: text on a terminal, else JSON."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """Below which messages are left out."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(Delivery, frozen=True, kw_only=True):
    """Everything about a running agent that somebody may want to choose."""

    cluster: Annotated[str, told("The cluster's name in every event; else the inventory's.")] = ""
    node: Annotated[str, told("This machine's name in every event; else its host name.")] = ""
    interfaces: Annotated[
        tuple[str, ...], told("Where to capture; repeatable; without it, everywhere.", flag="--interface", unit="NAME")
    ] = ()
    captured_on: Annotated[
        Address | None, told("This machine's address, for what passes its loopback interface.", unit="ADDRESS")
    ] = None
    backend: Annotated[Backend, told("The filter; `best` takes the best that works.")] = Backend.BEST
    ring_mib: Annotated[int, amount("Memory for packets that wait.", 1, flag="--ring", unit="MIB")] = 16
    inventory: Annotated[Location | None, told("Who is who in the cluster (YAML). Without it no path has a name.")] = (
        None
    )
    kubernetes: Annotated[bool, told("Follow the cluster by its API; --node is this node's name there.")] = False
    kubeconfig: Annotated[
        Location | None, told("How to reach the API from outside of a pod; implies nothing else.", unit="FILE")
    ] = None
    ca: Annotated[
        tuple[Location, ...], told("Authorities that clients trust (PEM). Repeatable.", unit="[ROLE=]FILE")
    ] = ()
    rules: Annotated[Location | None, told("Rules in place of those that come with the program.", unit="DIR")] = None
    memory: Annotated[
        Location | None,
        told("What endpoints showed: read at the start where it is there, and written with each summary."),
    ] = None
    reload_every_s: Annotated[
        float,
        amount("How often these files are looked at; 0: on SIGHUP alone.", flag="--reload-every", unit="SECONDS"),
    ] = 5.0
    output: Annotated[
        Location | None, told("Append events to this file; `-`: standard output, which is taken where nothing else is.")
    ] = None
    rotate_size_mib: Annotated[
        int, amount("Turn the file over before it is larger; 0: never.", flag="--rotate-size", unit="MIB")
    ] = 100
    rotate_every_s: Annotated[
        float, amount("Turn it over when it is so old; 0: by size alone.", flag="--rotate-every", unit="SECONDS")
    ] = 0.0
    rotate_keep: Annotated[int, amount("How many older files are kept.", unit="FILES")] = 5
    summary_every_s: Annotated[
        float, amount("The window of findings, losses and summaries.", 1, flag="--summary-every", unit="SECONDS")
    ] = 60.0
    listen: Annotated[
        Listen | None, told("Serve /metrics, /healthz and /readyz here, such as 127.0.0.1:9478.", unit="ADDRESS:PORT")
    ] = None
    drain_timeout_s: Annotated[
        float, amount("How long an end may take to hand on the last events.", flag="--drain-timeout", unit="SECONDS")
    ] = 10.0
    cpu_budget_cores: Annotated[
        float, amount("Shed flow events above this share of a core; 0: no budget.", flag="--cpu-budget", unit="CORES")
    ] = 0.0
    memory_budget_mib: Annotated[
        int, amount("Shed flow events above this resident size; 0: no budget.", flag="--memory-budget", unit="MIB")
    ] = 0
    log_format: Annotated[LogFormat, told("How the agent's own messages look.")] = LogFormat.AUTO
    log_level: Annotated[LogLevel, told("Below which its messages are left out.")] = LogLevel.INFO


__all__ = ["STANDARD_OUTPUT", "Backend", "Location", "LogFormat", "LogLevel", "Secret", "Settings"]
