"""The components that static pods start, by their manifests. Pods of the API's own (DaemonSets) are not seen here."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from observer.inventory.host.commands import Command, Hidden, recognise
from observer.inventory.host.document import Tree, parse
from observer.inventory.host.flags import Argument
from observer.inventory.host.log import Log
from observer.inventory.host.reading import UnreadableError, below, entries, read_text

FOLDER = "/etc/kubernetes/manifests"
SHELLS = frozenset({"sh", "bash", "ash", "dash"})
ENDINGS = (".yaml", ".yml", ".json", ".manifest")


def static_pods(root: Path, folder: str, log: Log) -> list[Command | Hidden]:
    """What the manifests of a folder start."""
    found = list[Command | Hidden]()
    for file in _files(root, folder, log):
        name = f"{folder.rstrip('/')}/{file.name}"
        try:
            found += [part for tree in parse(read_text(file), name) for part in _containers(tree, root)]
        except UnreadableError as error:
            log.could_not_read(name, error)
    return found


def _files(root: Path, folder: str, log: Log) -> list[Path]:
    try:
        return [entry for entry in entries(below(root, folder)) if _is_manifest(entry)]
    except UnreadableError as error:
        log.could_not_read(folder, error)
        return []


def _is_manifest(file: Path) -> bool:
    """The kubelet itself takes every file but hidden ones; editors leave backups that it takes too."""
    return not file.name.startswith(".") and (file.suffix in ENDINGS or "." not in file.name)


def started_by(
    container: str, words: Sequence[Argument], where: str, roots: tuple[Path, ...]
) -> Iterator[Command | Hidden]:
    """What a container of a pod starts by its command and arguments; `container` is its name."""
    if words and words[0].text.rsplit("/", 1)[-1] in SHELLS:
        yield from _behind_a_shell(container, words[0].where)
    else:
        yield from recognise(words, where, roots)


def _containers(pod: Tree, root: Path) -> Iterator[Command | Hidden]:
    for container in pod.part("spec", "containers").items():
        name = container.scalar("name")
        words = [*_words(container.part("command")), *_words(container.part("args"))]
        yield from started_by(str(name and name.text), words, pod.file, (root,))


def _words(part: Tree) -> Iterator[Argument]:
    for item in part.items():
        found = item.scalar()
        if found is not None:
            yield Argument(str(found.value), found.where)


def _behind_a_shell(container: str, where: str) -> Iterator[Hidden]:
    component = {"apiserver": "kube-apiserver"}.get(container, container)
    if component in ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
        yield Hidden(component, where, "a shell starts it, so its flags are not read from the manifest")
