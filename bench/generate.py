"""Makes the four captures that are measured, from recorded handshakes: deterministic for a seed and a scale.

Each flow is an instance of a template: the template's packets with the flow's own time, addresses, ports, sequence
numbers and client random. All packets are gathered from one pool of bytes and patched at once, column by column. IP
header checksums are right, TCP checksums are not computed.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import dpkt
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

TEMPLATES: Final = Path(__file__).with_name("templates.pcap")
KINDS: Final = ("handshakes", "bulk", "smallpkts", "mixed")
CERTIFICATES: Final = {"certificate-1": 1, "certificate-1000": 1000}
"""Two more captures, alike but for this: how many different certificates their thousand kubelets show."""
START_S: Final = 1_700_000_000
# Listening ports of the recording, where several servers of a kind stood side by side, and those they stand for.
RECORDED_PORTS: Final = dict.fromkeys(range(443, 447), 443) | {
    6443: 6443, 6444: 6443, 6445: 6443, 10250: 10250, 10251: 10250, 10252: 10250, 10253: 10250,
    8132: 8132, 8133: 8132, 80: 80, 10255: 10255, 22: 22,
}  # fmt: skip
HANDSHAKE_SHARES: Final = {443: 0.22, 6443: 0.26, 10250: 0.20, 8132: 0.10, 22: 0.06, 10255: 0.10, 80: 0.06}
BULK_SHARES: Final = {22: 0.05, 443: 0.25, 6443: 0.35, 8132: 0.10, 10250: 0.25}
SMALL_SHARES: Final = {
    443: 0.1, 6443: 0.15, 10250: 0.15, 8132: 0.05, 22: 0.05, 5432: 0.12, 3306: 0.1, 9092: 0.1, 8125: 0.09, 8472: 0.09,
}  # fmt: skip
DATAGRAM_PORTS: Final = (8125, 8472)

FIN, SYN, PSH, ACK = 1, 2, 8, 16
CLIENT, SERVER = 0, 1
ETHERNET: Final = 14
CLIENT_MAC, SERVER_MAC = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2"
FRAME_HEADERS: Final = (SERVER_MAC + CLIENT_MAC + b"\x08\0", CLIENT_MAC + SERVER_MAC + b"\x08\0")
NO_STAMP: Final = b"\1\1\x08\x0a" + bytes(8)
SEGMENT: Final = 1448
NONE: Final = -1


@dataclass(frozen=True)
class Packet:
    """A packet of a template: numbers are relative to the flow's own, `gap_us` to the packet before."""

    frame: bytes
    side: int
    gap_us: int
    sequence: int = 0
    acknowledgment: int = NONE
    random_at: int = NONE
    certificate_end: int = NONE
    is_datagram: bool = False


@dataclass(frozen=True)
class Template:
    """The packets of a flow, its server's port and how often it occurs."""

    packets: Sequence[Packet]
    port: int
    share: float


@dataclass(frozen=True)
class Plan:
    """How many flows begin within which time, and from which address blocks; `jitter_us` mixes their packets."""

    flows: int
    span_us: int
    client_block: int
    server_block: int = 0x0A600000
    jitter_us: int = 0
    certificates: int = 0


class Writer:
    """Appends packets to a template's flow, with the sequence numbers that follow."""

    def __init__(self, packets: Sequence[Packet] = (), following: Sequence[int] = (0, 0)) -> None:
        self.packets, self._next = list(packets), list(following)

    def add(
        self, side: int, flags: int, payload: bytes, gap_us: int, *, options: bytes = b"", shortest: int = 0
    ) -> None:
        """One segment; SYN and FIN take a number of their own."""
        header = struct.pack(">HHIIBBHHH", 0, 0, 0, 0, (20 + len(options)) // 4 << 4, flags, 502, 0, 0)
        frame = _datagram(side, 6, header + options + payload).ljust(shortest, b"\0")
        acknowledgment = self._next[1 - side] if flags & ACK else NONE
        self.packets.append(Packet(frame, side, gap_us, self._next[side], acknowledgment or NONE))
        self._next[side] += len(payload) + bool(flags & (SYN | FIN) and not payload)


def _datagram(side: int, protocol: int, body: bytes) -> bytes:
    header = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(body), 0x1234, 0x4000, 64, protocol, 0, 0, 0)
    return FRAME_HEADERS[side] + header + body


@dataclass(frozen=True)
class Recorded:
    """A recorded segment: the packet, its flags and how much it carries."""

    packet: Packet
    flags: int
    payload: int


def recorded_flows() -> list[tuple[int, list[Recorded]]]:
    """The whole flows of the recording by their server's port."""
    flows: dict[tuple[int, int], list[tuple[float, int, dpkt.tcp.TCP, bytes]]] = {}
    with TEMPLATES.open("rb") as file:
        for time_s, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ip.IP(frame[ETHERNET:])
            side = SERVER if ip.data.sport in RECORDED_PORTS else CLIENT
            ports = (ip.data.dport, ip.data.sport) if side else (ip.data.sport, ip.data.dport)
            flows.setdefault(ports, []).append((time_s, side, ip.data, frame[ETHERNET : ETHERNET + ip.len]))
    whole = ((ports[1], packets) for ports, packets in flows.items() if packets[0][2].flags & SYN and len(packets) >= 8)
    relative = ((RECORDED_PORTS[port], _relative(packets)) for port, packets in whole)
    return sorted(relative, key=lambda flow: (flow[0], len(flow[1])))


def _relative(packets: Sequence[tuple[float, int, dpkt.tcp.TCP, bytes]]) -> list[Recorded]:
    server_first = next(tcp.seq for _, side, tcp, _ in packets if side == SERVER)
    first, last_s, found = (packets[0][2].seq, server_first), packets[0][0], list[Recorded]()
    for time_s, side, tcp, datagram in packets:
        payload, header = bytes(tcp.data), ETHERNET + 20 + tcp.off * 4
        hello = side == CLIENT and payload[:2] == b"\x16\3" and len(payload) > 60 and payload[5] == 1
        packet = Packet(
            FRAME_HEADERS[side] + datagram,
            side,
            min(max(int((time_s - last_s) * 1e6), 5), 3000),
            (tcp.seq - first[side]) & 0xFFFFFFFF,
            ((tcp.ack - first[1 - side]) & 0xFFFFFFFF if tcp.flags & ACK else 0) or NONE,
            header + 11 if hello else NONE,
            header + _leaf_end(payload) if side == SERVER and _leaf_end(payload) else NONE,
        )
        found.append(Recorded(packet, tcp.flags, len(payload)))
        last_s = time_s
    return found


def _leaf_end(payload: bytes) -> int:
    """Where a server's first certificate ends within a segment that holds it whole and in the clear; else 0."""
    at = 0
    while payload[at : at + 2] == b"\x16\3":
        end = at + 15 + int.from_bytes(payload[at + 12 : at + 15])
        if payload[at + 5] == 11:
            return end if end <= len(payload) else 0
        at += 5 + int.from_bytes(payload[at + 3 : at + 5])
    return 0


def kubelet_templates() -> list[Template]:
    """One recorded flow to a kubelet that shows its certificate in the clear."""
    flows = (flow for port, flow in recorded_flows() if port == 10250)
    shown = (flow for flow in flows if any(one.packet.certificate_end != NONE for one in flow))
    return [Template([one.packet for one in next(shown)], 10250, 1)]


def handshake_templates() -> list[Template]:
    """The recorded flows as they are."""
    flows = recorded_flows()
    ports = [port for port, _ in flows]
    return [
        Template([one.packet for one in flow], port, HANDSHAKE_SHARES[port] / ports.count(port)) for port, flow in flows
    ]


def bulk_templates(random: np.random.Generator, packets: int = 667) -> list[Template]:
    """Eight flows per port that go on with requests and long answers after a recorded handshake."""
    flows = recorded_flows()
    templates = []
    for port, share in BULK_SHARES.items():
        same_port = [flow for other, flow in flows if other == port]
        for number in range(8):
            begun = _until_data(same_port[number * 5 % len(same_port)], port)
            templates.append(Template(_prolonged(begun, port, random, packets, ends=number % 2 == 1), port, share / 8))
    return templates


def _until_data(flow: list[Recorded], port: int) -> list[Recorded]:
    end = next((index for index, one in enumerate(flow) if one.flags & (FIN | 4)), len(flow))
    large = [index for index, one in enumerate(flow[:end]) if one.packet.side == SERVER and one.payload > 300]
    return flow[: large[-1] + 1 if large and port != 22 else end]


def _prolonged(
    begun: list[Recorded], port: int, random: np.random.Generator, packets: int, *, ends: bool
) -> list[Packet]:
    following = [0, 0]
    for one in begun:
        after = one.packet.sequence + one.payload + bool(one.flags & SYN)
        following[one.packet.side] = max(following[one.packet.side], after)
    flow = Writer([one.packet for one in begun], following)

    def body(length: int) -> bytes:
        text = random.bytes(length)
        return text if port == 22 else b"\x17\3\3" + struct.pack(">H", length - 5) + text[5:]

    while len(flow.packets) < packets:
        flow.add(CLIENT, PSH | ACK, body(int(random.integers(60, 600))), 20000, options=NO_STAMP)
        flow.add(SERVER, ACK, b"", 300, options=NO_STAMP)
        answer = body(int(random.integers(600, 16000)))
        for index, at in enumerate(range(0, len(answer), SEGMENT)):
            last = at + SEGMENT >= len(answer)
            flow.add(SERVER, PSH | ACK if last else ACK, answer[at : at + SEGMENT], 40, options=NO_STAMP)
            if index % 2 or last:
                flow.add(CLIENT, ACK, b"", 60, options=NO_STAMP)
    if ends:
        _close(flow, (500, 300, 100), options=NO_STAMP)
    return flow.packets


def _close(flow: Writer, gaps_us: tuple[int, int, int], *, options: bytes = b"", shortest: int = 0) -> None:
    flow.add(CLIENT, FIN | ACK, b"", gaps_us[0], options=options, shortest=shortest)
    flow.add(SERVER, FIN | ACK, b"", gaps_us[1], options=options, shortest=shortest)
    flow.add(CLIENT, ACK, b"", gaps_us[2], options=options, shortest=shortest)


def small_templates(random: np.random.Generator, packets: int = 100) -> list[Template]:
    """Flows of the smallest frames, half of them on ports that nobody asks for and some of them UDP."""
    flows = (_datagrams if port in DATAGRAM_PORTS else _small_segments for port in SMALL_SHARES)
    return [
        Template(flow(random, packets), port, share)
        for flow, (port, share) in zip(flows, SMALL_SHARES.items(), strict=True)
    ]


def _datagrams(random: np.random.Generator, packets: int) -> list[Packet]:
    bodies = (struct.pack(">HHHH", 0, 0, 26, 0) + random.bytes(18) for _ in range(packets))
    return [Packet(_datagram(CLIENT, 17, body), CLIENT, 100_000, is_datagram=True) for body in bodies]


def _small_segments(random: np.random.Generator, packets: int) -> list[Packet]:
    flow, gap_us = Writer(), 100_000
    for side, flags in ((CLIENT, SYN), (SERVER, SYN | ACK), (CLIENT, ACK)):
        flow.add(side, flags, b"", gap_us, shortest=60)
    while len(flow.packets) < packets - 3:
        side = int(random.integers(0, 2))
        flow.add(side, PSH | ACK, random.bytes(6), gap_us, shortest=60)
        flow.add(1 - side, ACK, b"", gap_us, shortest=60)
    flow.packets = flow.packets[: packets - 3]
    _close(flow, (gap_us, gap_us, gap_us), shortest=60)
    return flow.packets


class Format:
    """A capture format: what stands at its beginning and around each frame, and how times are written."""

    header_size: int

    def file_header(self) -> bytes:
        """What a file begins with."""
        raise NotImplementedError

    def record(self, frame: bytes) -> bytes:
        """A frame as it stands in the file, its time still open."""
        raise NotImplementedError

    def stamp(self, out: Bytes, at: Numbers, time_us: Numbers) -> None:
        """Write the times of the records that begin at `at`."""
        raise NotImplementedError


class Classic(Format):
    """pcap with microseconds."""

    header_size = 16

    def file_header(self) -> bytes:
        """Version 2.4, Ethernet."""
        return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)

    def record(self, frame: bytes) -> bytes:
        """A header of 16 bytes and the frame."""
        return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame

    def stamp(self, out: Bytes, at: Numbers, time_us: Numbers) -> None:
        """Seconds and microseconds."""
        _patch(out, at, START_S + time_us // 1_000_000, 4, little=True)
        _patch(out, at + 4, time_us % 1_000_000, 4, little=True)


class Pcapng(Format):
    """pcapng with nanoseconds: one section, one interface, enhanced packet blocks."""

    header_size = 28

    def file_header(self) -> bytes:
        """A section header block and an interface description block."""
        resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
        interface = struct.pack("<HHI", 1, 0, 262144) + resolution
        length = struct.pack("<I", 12 + len(interface))
        section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
        return section + struct.pack("<I", 1) + length + interface + length

    def record(self, frame: bytes) -> bytes:
        """An enhanced packet block."""
        padding = bytes(-len(frame) % 4)
        length = 32 + len(frame) + len(padding)
        header = struct.pack("<IIIIIII", 6, length, 0, 0, 0, len(frame), len(frame))
        return header + frame + padding + struct.pack("<I", length)

    def stamp(self, out: Bytes, at: Numbers, time_us: Numbers) -> None:
        """Upper and lower half of the nanoseconds."""
        time_ns = START_S * 1_000_000_000 + time_us * 1000
        _patch(out, at + 12, time_ns >> 32, 4, little=True)
        _patch(out, at + 16, time_ns & 0xFFFFFFFF, 4, little=True)


class Column:
    """The packets of all templates, one column per property."""

    def __init__(self, templates: Sequence[Template], form: Format) -> None:
        packets = [packet for template in templates for packet in template.packets]
        records = [form.record(packet.frame) for packet in packets]
        self.pool = np.frombuffer(b"".join(records), dtype=np.uint8)
        self.length = _numbers(len(record) for record in records)
        self.offset = np.cumsum(self.length) - self.length
        self.side = _numbers(packet.side for packet in packets)
        self.sequence = _numbers(packet.sequence for packet in packets)
        self.acknowledgment = _numbers(packet.acknowledgment for packet in packets)
        self.random_at = _numbers(packet.random_at for packet in packets)
        self.certificate_end = _numbers(packet.certificate_end for packet in packets)
        self.is_datagram = np.array([packet.is_datagram for packet in packets])
        self.checksum = _numbers(_header_sum(packet.frame) for packet in packets)
        self.time_us = _numbers(
            time for template in templates for time in np.cumsum([p.gap_us for p in template.packets])
        )
        self.count = _numbers(len(template.packets) for template in templates)
        self.first = np.cumsum(self.count) - self.count


class Traffic:
    """All packets of a plan, in the order of their times."""

    def __init__(self, templates: Sequence[Template], plan: Plan, form: Format, random: np.random.Generator) -> None:
        self._random, self._form, self._column = random, form, Column(templates, form)
        shares = np.array([template.share for template in templates])
        template = random.choice(len(templates), plan.flows, p=shares / shares.sum())
        self._arrange(template, plan)
        flow = np.arange(plan.flows)
        self.client = plan.client_block + flow // 60000 * 4096 + random.integers(1, 4000, plan.flows)
        self.client += flow // 50000 * 16384
        self.server = plan.server_block + random.integers(1, 250, plan.flows)
        self.client_port = 12024 + flow % 50000
        self._certificate = NONE * np.ones(plan.flows, dtype=np.int64)
        if plan.certificates:
            self.server = plan.server_block + 1 + flow % 1000
            self._certificate = flow % plan.certificates
        self.server_port = _numbers(one.port for one in templates)[template]
        self.initial = random.integers(0, 1 << 32, (2, plan.flows)).astype(np.int64)

    def _arrange(self, template: Numbers, plan: Plan) -> None:
        column, count = self._column, self._column.count[template]
        flow = np.repeat(np.arange(plan.flows, dtype=np.int32), count)
        begin = np.cumsum(count) - count
        packet = np.arange(len(flow)) - np.repeat(begin - column.first[template], count)
        time_us = self._random.integers(0, max(plan.span_us, 1), plan.flows)[flow] + column.time_us[packet]
        if plan.jitter_us:
            time_us = time_us + self._random.integers(0, plan.jitter_us, len(flow))
        order = np.argsort(time_us, kind="stable")
        self.time_us, self._flow, self._packet = time_us[order], flow[order], packet.astype(np.int32)[order]

    def records(self, begin: int, end: int) -> Bytes:
        """The bytes of the packets from `begin` to `end`."""
        column, packet, flow = self._column, self._packet[begin:end].astype(np.int64), self._flow[begin:end]
        length = column.length[packet]
        at = np.cumsum(length) - length
        source = np.repeat((column.offset[packet] - at).astype(np.int32), length)
        source += np.arange(int(length.sum()), dtype=np.int32)
        out = column.pool[source]
        self._form.stamp(out, at, self.time_us[begin:end])
        frame = at + self._form.header_size
        self._address(out, frame + ETHERNET, packet, flow)
        segment = ~column.is_datagram[packet]
        self._number(out, frame[segment] + ETHERNET + 20, packet[segment], flow[segment])
        self._randomize(out, frame, column.random_at[packet])
        self._certify(out, frame, column.certificate_end[packet], self._certificate[flow])
        return out

    def _address(self, out: Bytes, at: Numbers, packet: Numbers, flow: Numbers) -> None:
        from_client = self._column.side[packet] == CLIENT
        ends = (self.client[flow], self.client_port[flow]), (self.server[flow], self.server_port[flow])
        total = self._column.checksum[packet]
        for place, is_client in ((0, from_client), (1, ~from_client)):
            address, port = (np.where(is_client, client, server) for client, server in zip(*ends, strict=True))
            _patch(out, at + 12 + 4 * place, address, 4)
            _patch(out, at + 20 + 2 * place, port, 2)
            total = total + (address >> 16) + (address & 0xFFFF)
        for _ in range(2):
            total = (total & 0xFFFF) + (total >> 16)
        _patch(out, at + 10, 0xFFFF - total, 2)

    def _number(self, out: Bytes, at: Numbers, packet: Numbers, flow: Numbers) -> None:
        column, side = self._column, self._column.side[packet]
        own, others = self.initial[side, flow], self.initial[1 - side, flow]
        acknowledgment = np.where(column.acknowledgment[packet] < 0, 0, column.acknowledgment[packet] + others)
        _patch(out, at + 4, (column.sequence[packet] + own) & 0xFFFFFFFF, 4)
        _patch(out, at + 8, acknowledgment & 0xFFFFFFFF, 4)

    def _randomize(self, out: Bytes, frame: Numbers, random_at: Numbers) -> None:
        hello = random_at >= 0
        if hello.any():
            values = self._random.integers(0, 256, (int(hello.sum()), 32), dtype=np.uint8)
            out[(frame + random_at)[hello][:, None] + np.arange(32)] = values

    def _certify(self, out: Bytes, frame: Numbers, end: Numbers, number: Numbers) -> None:
        """The last bytes of a certificate are of its signature: another number makes another certificate."""
        shown = (end >= 0) & (number >= 0)
        _patch(out, (frame + end)[shown] - 4, number[shown], 4)


def _patch(out: Bytes, at: Numbers, value: Numbers, size: int, *, little: bool = False) -> None:
    for index in range(size):
        out[at + (index if little else size - 1 - index)] = value >> (8 * index) & 255


def _numbers(values: Iterator[int] | Sequence[int]) -> Numbers:
    return np.array(list(values), dtype=np.int64)


def _header_sum(frame: bytes) -> int:
    """The sum of the IP header's words without its checksum and its addresses."""
    words: tuple[int, ...] = struct.unpack(">10H", frame[ETHERNET : ETHERNET + 20])
    return sum(words[:5]) if len(words) == 10 else 0


def generate(kind: str, path: Path, *, scale: float, seed: int = 1) -> None:
    """Write one of `KINDS` or `CERTIFICATES` to `path`; at scale 1 they have 2 to 30 million packets."""
    random = np.random.default_rng(seed)
    form = Pcapng() if kind == "mixed" else Classic()

    def bulk(flows: int) -> Traffic:
        return Traffic(bulk_templates(random), Plan(int(flows * scale), 5_000_000, 0x0AC00000), form, random)

    def handshakes(flows: int, span_us: int) -> Traffic:
        return Traffic(handshake_templates(), Plan(int(flows * scale), span_us, 0x0A800000), form, random)

    def small(flows: int) -> Traffic:
        plan = Plan(int(flows * scale), 0, 0x0B000000, 0x0A700000, jitter_us=100_000)
        return Traffic(small_templates(random), plan, form, random)

    def kubelets(flows: int, certificates: int) -> Traffic:
        plan = Plan(int(flows * scale), 300_000_000, 0x0A800000, certificates=certificates)
        return Traffic(kubelet_templates(), plan, form, random)

    makers = {
        **{kind: lambda number=number: [kubelets(1_000_000, number)] for kind, number in CERTIFICATES.items()},
        "bulk": lambda: [bulk(3000)],
        "handshakes": lambda: [handshakes(200_000, 60_000_000)],
        "smallpkts": lambda: [small(100_000)],
        "mixed": lambda: [bulk(300), handshakes(40_000, 10_000_000), small(10_000)],
    }
    with path.open("wb") as out:
        out.write(form.file_header())
        _write(out, makers[kind](), step=500_000 if kind == "smallpkts" else 60_000)


def _write(out: BinaryIO, parts: Sequence[Traffic], step: int) -> None:
    if len(parts) == 1:
        out.writelines(
            parts[0].records(begin, min(begin + step, len(parts[0].time_us))).tobytes()
            for begin in range(0, len(parts[0].time_us), step)
        )
        return
    # Slices of 20 ms in turn: nearly in the order of time, as a capture of several queues is.
    written = [0] * len(parts)
    slice_us = 20_000
    for until_us in range(slice_us, int(max(part.time_us[-1] for part in parts)) + slice_us + 1, slice_us):
        for index, part in enumerate(parts):
            end = int(np.searchsorted(part.time_us, until_us))
            if end > written[index]:
                out.write(part.records(written[index], end).tobytes())
                written[index] = end
