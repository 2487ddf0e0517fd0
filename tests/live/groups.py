"""Control groups as kubelet and a container runtime would make them, in whichever hierarchies this machine has."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONTAINER = "3f1c2b7a9d8e4f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8"
POD = "0f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"
FOLDERS = f"kubepods/burstable/pod{POD}/{CONTAINER}"


@dataclass(frozen=True)
class Hierarchy:
    """A mounted hierarchy of control groups."""

    mount: Path
    version: int

    @contextmanager
    def container(self) -> Iterator[Path]:
        """The control group of a container of a pod, gone at the end."""
        top = self.mount / f"observer-{os.getpid()}"
        group = top / FOLDERS
        group.mkdir(parents=True)
        try:
            yield group
        finally:
            for folder in [group, *group.parents]:
                if folder == self.mount:
                    break
                folder.rmdir()

    def root(self) -> Path:
        """Where nothing says to whom a process belongs."""
        return self.mount


def hierarchies() -> dict[int, Hierarchy]:
    """By version: the memory controller's own, and the unified one."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    unified = [(2, mount) for mount in mounts if mount[2] == "cgroup2"]
    own = [(1, mount) for mount in mounts if mount[2] == "cgroup" and re.search(r"\bmemory\b", mount[3])]
    return {version: Hierarchy(Path(mount[1]), version) for version, mount in unified + own}
