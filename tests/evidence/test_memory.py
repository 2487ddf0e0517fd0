"""What endpoints showed is written as lines, and read again as it was."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from observer.errors import ConfigurationError
from observer.evidence.memory import KEPT_CHAINS, Shown, joined, message_length, read, written
from observer.model import ChainSource

ChainOf = Callable[[str], tuple[bytes, ...]]


def shown(chain: tuple[bytes, ...], at_ns: int = 1, name: str | None = None, **more: object) -> Shown:
    one = Shown("10.240.0.21", 10250, name, ChainSource.REMEMBERED, at_ns, at_ns, chain, 1)
    return msgspec.structs.replace(one, **more)


def test_a_memory_is_read_as_it_was_written(chain_of: ChainOf, tmp_path: Path) -> None:
    file = tmp_path / "memory.ndjson"
    once = shown(chain_of("kubelet-node1-selfsigned"), 10)
    file.write_bytes(b"".join(written([once, shown(once.chain, 30), shown(once.chain, 20)])))

    (again,) = read(str(file))

    assert again == shown(once.chain, 10, source=ChainSource.EARLIER, last_seen_ns=30, flows=3)
    assert msgspec.json.decode(file.read_bytes())["certificate_length"] == message_length(once.chain)


def test_what_was_probed_stays_so(chain_of: ChainOf, tmp_path: Path) -> None:
    file = tmp_path / "memory.ndjson"
    file.write_bytes(b"".join(written([shown(chain_of("apiserver"), source=ChainSource.PROBED)])))

    assert [one.source for one in read(str(file))] == [ChainSource.PROBED]


def test_certificates_for_other_names_are_kept_apart(chain_of: ChainOf) -> None:
    chain = chain_of("apiserver")

    assert len(joined([shown(chain), shown(chain, name="a"), shown(chain, name="b"), shown(chain)])) == 3


def test_of_too_many_the_last_seen_are_kept() -> None:
    kept = joined(shown((bytes([number]),), number) for number in range(KEPT_CHAINS + 5))

    assert [one.last_seen_ns for one in kept] == list(range(5, KEPT_CHAINS + 5))


def test_the_order_of_flows_does_not_change_what_is_written(chain_of: ChainOf) -> None:
    some = [shown(chain_of("apiserver"), 1), shown(chain_of("ca"), 2, "a"), shown(chain_of("webhook"), 3)]

    assert list(written(some)) == list(written(reversed(some)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("not json", ":1:1: is no line of a memory"),
        (
            '{"address":"a","port":1,"source":"seen","first_seen_ns":1,"last_seen_ns":1,"chain":["AAAA"]}',
            "no IP address",
        ),
        ('{"address":"10.0.0.1"}', "is no line of a memory"),
    ],
)
def test_a_file_that_is_no_memory_is_an_error_of_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "memory.ndjson"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigurationError, match=message) as caught:
        list(read(str(file)))

    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)
