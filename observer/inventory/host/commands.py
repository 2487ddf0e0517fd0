"""A component as it was started, by a process or a static pod; where its files are to be found."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from observer.inventory.host.flags import Argument, Flags
from observer.inventory.host.reading import below

COMPONENTS = {
    "kube-apiserver": "kube-apiserver",
    "kubelet": "kubelet",
    "kube-controller-manager": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "kube-proxy": "kube-proxy",
    "etcd": "etcd",
    "proxy-server": "konnectivity-server",
    "konnectivity-server": "konnectivity-server",
    "proxy-agent": "konnectivity-agent",
    "konnectivity-agent": "konnectivity-agent",
}
"""Components by the names of their programs."""
# hyperkube's short names for what it can be.
HYPERKUBE = {
    "apiserver": "kube-apiserver",
    "controller-manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
    "proxy": "kube-proxy",
}
ALL_IN_ONE = {
    "k3s": ("kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
    "kubelite": ("kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
}
"""Programs that run components inside their own process, with flags nobody else sees."""
# Names that other programs bear too: these need a flag of theirs to be believed.
SIGNS = {
    "konnectivity-server": ("agent-port", "server-port", "cluster-cert", "cluster-ca-cert", "uds-name", "server-count"),
    "konnectivity-agent": ("proxy-server-host", "ca-cert", "agent-cert", "agent-id", "proxy-server-port"),
}


class Command(msgspec.Struct, frozen=True):
    """A component's command; `where` names the process or the manifest. `roots`: where its paths begin, best first."""

    component: str
    flags: Flags
    where: str
    roots: tuple[Path, ...]

    def places(self, path: str) -> list[Path]:
        """Where a file that the component names may be seen from here."""
        return [below(root, path) for root in self.roots]

    def source(self, name: str) -> str:
        """Where a flag is given, or that it is not."""
        flag = self.flags.last(name)
        return f"{self.where}: --{name} is not given" if flag is None else f"{flag.where}: --{name}"


class Hidden(msgspec.Struct, frozen=True):
    """A component whose flags cannot be seen, and why."""

    component: str
    where: str
    reason: str


def recognise(arguments: Sequence[Argument], where: str, roots: tuple[Path, ...]) -> list[Command | Hidden]:
    """The component that a command line starts; several where one program is all of them; none where it is none."""
    if not arguments:
        return []
    # A program that renames itself joins its words with spaces.
    words = [*arguments[0].text.split(), *(argument.text for argument in arguments[1:])]
    program = words[0].rsplit("/", 1)[-1] if words else ""
    if program in ALL_IN_ONE:
        return _all_in_one(program, words, where)
    if program == "hyperkube" and len(words) > 1:
        program, arguments = HYPERKUBE.get(words[1], words[1]), arguments[1:]
    component = COMPONENTS.get(program)
    if component is None:
        return []
    flags = Flags(arguments[1:])
    if component in SIGNS and not any(sign in flags for sign in SIGNS[component]):
        return []
    return [Command(component, flags, where, roots)]


def _all_in_one(program: str, words: Sequence[str], where: str) -> list[Command | Hidden]:
    reason = f"{program} runs it inside its own process, so its flags are on no command line"
    components: tuple[str, ...] = ALL_IN_ONE[program]
    if program == "k3s":
        role = next((word for word in words[1:] if word in ("server", "agent")), None)
        components = components if role == "server" else ("kubelet", "kube-proxy") if role == "agent" else ()
    return [Hidden(component, where, reason) for component in components]
