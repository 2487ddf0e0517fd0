"""`observer top` shows paths, findings and losses of an agent's events."""

import asyncio
import json
from pathlib import Path
from typing import Any

from textual.widgets import DataTable, Static

from observer.cli.screen import Screen
from observer.report.live import Board


def flow(state: str, *, final: bool = True) -> dict[str, Any]:
    return {"kind": "flow", "final": final, "path": {"id": "kubelet-readonly"}, "verdict": {"state": state}}


def finding(key: str, count: int, name: str | None = None) -> dict[str, Any]:
    return {
        "kind": "finding",
        "key": key,
        "count": count,
        "last_seen": "2026-01-01T10:11:12.000000000Z",
        "client": {"address": "10.0.0.1", "name": name},
        "server": {"address": "10.0.0.2", "name": "node1", "port": 10255},
        "path": {"id": "kubelet-readonly"},
        "finding": {"severity": "high", "title": f"Finding {key}"},
        "observer": {"node": "n1", "cluster": "lab", "backend": "ebpf", "version": "0"},
    }


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"


def test_ended_flows_are_counted_by_path_and_state_with_the_rate_of_ten_seconds() -> None:
    board = Board()
    for state in ("plaintext", "plaintext", "unknown"):
        board.take(line(flow(state)), now_s=0)
    board.take(line(flow("plaintext", final=False)), now_s=0)

    (row,) = board.paths(now_s=5)
    assert (row.states, row.flows, row.rate) == ({"plaintext": 2, "unknown": 1}, 3, 0.3)
    assert board.paths(now_s=11)[0].rate == 0


def test_a_finding_is_shown_once_with_all_its_flows_and_the_newest_stands_first() -> None:
    board = Board()
    for event in (finding("a", 1), finding("b", 1), finding("a", 2, name="cp\x1b[2J")):
        board.take(line(event), now_s=0)

    assert [(row.title, row.flows) for row in board.findings()] == [("Finding a", 3), ("Finding b", 1)]
    assert "\x1b" not in board.findings()[0].client


def test_what_is_no_event_is_counted_and_ends_nothing() -> None:
    board = Board()
    for text in (b"not json\n", b"[]\n", b'{"kind":"flow"}\n', b"\n"):
        board.take(text, now_s=0)

    assert (board.unread, board.paths(0)) == (3, [])


def test_the_screen_shows_what_a_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "events"
    loss = {"kind": "loss", "lost": {"ring": 7}}
    file.write_bytes(b"".join(map(line, (flow("plaintext"), finding("a", 1), loss))))

    async def look() -> None:
        screen = Screen(str(file))
        async with screen.run_test(size=(120, 30)) as pilot:
            while not screen.board.lost:
                await pilot.pause(0.05)
            screen.renew()
            await pilot.pause()
            paths, findings = screen.query_one("#paths", DataTable), screen.query_one("#findings", DataTable)
            assert str(paths.get_row_at(0)[0]) == "kubelet-readonly"
            assert [str(cell) for cell in findings.get_row_at(0)][:2] == ["high", "Finding a"]
            assert "7 ring" in str(screen.query_one("#head", Static).render())
            await pilot.press("q")

    asyncio.run(look())
