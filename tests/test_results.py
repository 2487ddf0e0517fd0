"""Saved results are read in both forms, and what is none says so in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from observer import results
from observer.analysis import Analysis
from observer.errors import InputError

KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"

Saved = Callable[..., Path]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_a_result_comes_back_as_it_was_written(
    saved: Saved, analyzed: Callable[..., tuple[Analysis, bytes]], form: str
) -> None:
    flows: list[results.Flow] = []

    result = results.read(str(saved(KUBELET, form=form)), flows.append)

    analysis, events = analyzed(KUBELET)
    assert set(result.findings) == set(analysis.findings)
    assert result.captures == analysis.captures
    assert len(flows) == analysis.flows == len(events.splitlines())


def test_a_document_that_another_program_laid_out_anew_is_read(saved: Saved, tmp_path: Path) -> None:
    document = json.loads(saved(KUBELET, form="json").read_bytes())
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document, indent=2))

    assert results.read(str(other)).keys()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is no result of `observer analyze -o json` or `-o ndjson`: it is empty"),
        (b"# Title\n", "is no result of `observer analyze -o json` or `-o ndjson`: JSON is malformed"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "is no result of"),
        (b'{"runs": []}', "its schema is '', not 'observer/1'"),
        (b'{"kind":"summary","schema":"observer/9"}', "its schema is 'observer/9', not 'observer/1'"),
        (b'{"kind":"summary","schema":"observer/1"}', "Object missing required field `captures`"),
        (b'{"kind":"flow"}\n', "ends without a summary"),
    ],
)
def test_what_is_no_result_says_so_in_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "result"
    file.write_bytes(content)

    with pytest.raises(InputError) as complained:
        results.read(str(file))

    assert str(complained.value).startswith(f"{file}: ")
    assert complaint in str(complained.value)
    assert len(str(complained.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [("1970-01-01T00:00:01.000000007Z", 1_000_000_007), ("1970-01-01T00:00:01Z", 1_000_000_000), (None, 0)],
)
def test_times_are_exact_to_the_nanosecond(text: str | None, time_ns: int) -> None:
    assert results.nanoseconds(text) == time_ns
