"""Finds the components of a host: those that run, else those that its static pods would start."""

from pathlib import Path

from observer.inventory.host import kubelet, manifests, processes
from observer.inventory.host.commands import Command, Hidden
from observer.inventory.host.log import Log
from observer.inventory.host.reading import UnreadableError


def started(root: Path, proc: Path, log: Log) -> list[Command]:
    """What runs counts; a manifest only tells of a component that was not seen to run."""
    found = _running(root, proc, log)
    seen = {part.component for part in found}
    kubelets = [part for part in found if isinstance(part, Command) and part.component == "kubelet"]
    static = manifests.static_pods(root, _folder(kubelets), log)
    found += [part for part in static if part.component not in seen]
    for part in found:
        if isinstance(part, Hidden):
            log.could_not_read(f"{part.component} ({part.where})", part.reason)
    return [part for part in found if isinstance(part, Command)]


def _running(root: Path, proc: Path, log: Log) -> list[Command | Hidden]:
    try:
        return processes.running(proc, root)
    except UnreadableError as error:
        log.could_not_read(f"processes ({proc})", error)
        return []


def _folder(kubelets: list[Command]) -> str:
    for command in kubelets:
        flag = command.flags.text("pod-manifest-path")
        if isinstance(flag, str):
            return flag
        found = kubelet.configuration(command).find("staticPodPath")
        if found is not None and found.text:
            return found.text
    return manifests.FOLDER
