"""A host as a directory."""

from pathlib import Path

import pytest

from .hosts import FakeHost


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)
