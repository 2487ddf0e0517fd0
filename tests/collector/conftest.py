"""One collector for the tests of a module."""

from collections.abc import Iterator

import pytest
import running


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Collector]:
    with running.collector(tmp_path_factory.mktemp("collector")) as started:
        yield started
