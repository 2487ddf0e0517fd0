"""An agent's state as Prometheus metrics. No label takes a value from the traffic, so the rules bound their number."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from observer.agent.losses import STAGES, by_stage
from observer.agent.reload import Reloads
from observer.capture.programs import Program
from observer.events import Observer
from observer.model import EventClass
from observer.sinks import Status

PACKETS = {
    "frames": ("received", "Packets that reached the program."),
    "tcp_segments": ("tcp", "TCP segments among them."),
    "duplicate_packets": ("duplicate", "Copies of packets that were already counted."),
}
SKIPPED = "skipped_"
KERNEL = "kernel_"


class Snapshot(msgspec.Struct, frozen=True):
    """An agent at one moment, made between two steps of its loop.

    `counters` by name, those of losses included; `flows` that ended, by path and state; `findings` known now and
    `finding_flows` that showed them, by rule and severity.
    """

    observer: Observer
    counters: Mapping[str, int] = msgspec.field(default_factory=dict)
    flows: Mapping[tuple[str, str], int] = msgspec.field(default_factory=dict)
    findings: Mapping[tuple[str, str], int] = msgspec.field(default_factory=dict)
    finding_flows: Mapping[tuple[str, str], int] = msgspec.field(default_factory=dict)
    reloads: Reloads = Reloads()
    is_shedding: bool = False


class Metrics:
    """Answers what is asked of an agent in the text format of Prometheus.

    `snapshot`, `sinks` (by name) and `programs` are asked at each scrape, from the scraper's thread.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        sinks: Callable[[], Mapping[str, Status]],
        programs: Callable[[], Iterable[Program]],
    ) -> None:
        self._snapshot, self._sinks, self._programs = snapshot, sinks, programs
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All metrics as they stand."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics one by one, as prometheus_client asks for them."""
        now = self._snapshot()
        yield from _program(now)
        yield from _traffic(now)
        yield from _lost(now)
        yield from _sinks(self._sinks())
        yield from _bpf(self._programs())


def _program(now: Snapshot) -> Iterator[Metric]:
    build = {"version": now.observer.version, "python": ".".join(map(str, sys.version_info[:3]))}
    yield InfoMetricFamily("observer_build", "The program's versions.", build)
    yield InfoMetricFamily("observer_capture", "The filter in use.", {"backend": now.observer.backend})
    reloads = CounterMetricFamily("observer_reloads", "Rules, inventory and authorities read again.", labels=["result"])
    reloads.add_metric(["success"], now.reloads.succeeded)
    reloads.add_metric(["failure"], now.reloads.failed)
    yield reloads
    in_force = now.reloads.trouble is None
    yield _gauge("observer_config_in_force", "Whether the newest files are in force: 0 where they are wrong.", in_force)
    yield _gauge("observer_shedding", "Whether flow events are given up to keep to the budget.", now.is_shedding)


def _traffic(now: Snapshot) -> Iterator[Metric]:
    flows = CounterMetricFamily("observer_flows", "Flows that ended.", labels=["path", "verdict"])
    for labels, count in sorted(now.flows.items()):
        flows.add_metric(labels, count)
    yield flows
    yield _gauge("observer_live_flows", "Flows that are open.", now.counters.get("live_flows", 0))
    findings = GaugeMetricFamily("observer_findings", "Findings that are known now.", labels=["rule", "severity"])
    shown = CounterMetricFamily("observer_finding_flows", "Flows that showed a finding.", labels=["rule", "severity"])
    for labels, count in sorted(now.findings.items()):
        findings.add_metric(labels, count)
    for labels, count in sorted(now.finding_flows.items()):
        shown.add_metric(labels, count)
    yield findings
    yield shown
    yield from _packets(now.counters)


def _packets(counters: Mapping[str, int]) -> Iterator[Metric]:
    for name, (word, told) in PACKETS.items():
        yield CounterMetricFamily(f"observer_packets_{word}", told, value=counters.get(name, 0))
    kinds = (
        (SKIPPED, "observer_packets_skipped", "Packets that hold no TCP segment to follow.", "reason"),
        (KERNEL, "observer_kernel_packets", "What the filter did with packets, where it runs in the kernel.", "fate"),
    )
    for prefix, metric, told, label in kinds:
        family = CounterMetricFamily(metric, told, labels=[label])
        for name, count in sorted(counters.items()):
            if name.startswith(prefix):
                family.add_metric([name.removeprefix(prefix)], count)
        yield family


def _lost(now: Snapshot) -> Iterator[Metric]:
    lost = CounterMetricFamily("observer_lost", "What is missing from the events, by stage.", labels=["stage"])
    counted = by_stage({name: now.counters.get(name, 0) for name in STAGES})
    for stage, count in counted.items():
        lost.add_metric([stage], count)
    yield lost


def _sinks(sinks: Mapping[str, Status]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("observer_sink_waiting_events", "Events that wait to be delivered.", labels=["sink"])
    depth = GaugeMetricFamily("observer_sink_waiting_bytes", "Bytes of them.", labels=["sink"])
    delivered = CounterMetricFamily("observer_sink_delivered_events", "Events that were delivered.", labels=["sink"])
    lost = CounterMetricFamily("observer_sink_lost_events", "Events that were given up.", labels=["sink", "class"])
    works = GaugeMetricFamily("observer_sink_up", "Whether the sink takes events.", labels=["sink"])
    for name, status in sorted(sinks.items()):
        waiting.add_metric([name], status.waiting_events)
        depth.add_metric([name], status.waiting_bytes)
        delivered.add_metric([name], status.delivered)
        works.add_metric([name], status.trouble is None)
        for of in EventClass:
            lost.add_metric([name, of], status.lost.get(of, 0))
    yield from (waiting, depth, delivered, lost, works)


def _bpf(programs: Iterable[Program]) -> Iterator[Metric]:
    runs = CounterMetricFamily("observer_bpf_runs", "Runs of a BPF program.", labels=["program"])
    seconds = CounterMetricFamily("observer_bpf_run_seconds", "Time spent in a BPF program.", labels=["program"])
    for program in programs:
        runs.add_metric([program.name], program.runs)
        seconds.add_metric([program.name], program.run_ns / 1e9)
    yield from (runs, seconds)


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=float(value))
