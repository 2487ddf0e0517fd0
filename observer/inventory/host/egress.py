"""An API server's egress selector configuration: through what it reaches the cluster, and how it checks the proxy."""

from observer.inventory.components import Egress, EgressSelector
from observer.inventory.host.document import Tree, parse

# Until v1beta1 the control plane's network bore its old name.
NAMES = {"cluster": "cluster", "controlplane": "controlplane", "master": "controlplane", "etcd": "etcd"}


def read(text: str, file: str) -> EgressSelector:
    """The selections of a file; UnreadableError where it is no YAML."""
    documents = parse(text, file)
    found = dict[str, Egress]()
    for selection in documents[0].part("egressSelections").items() if documents else ():
        name = selection.scalar("name")
        if name is not None and name.text in NAMES:
            found[NAMES[name.text]] = _egress(selection.part("connection"))
    return EgressSelector(cluster=found.get("cluster"), controlplane=found.get("controlplane"), etcd=found.get("etcd"))


def _egress(connection: Tree) -> Egress:
    if _is_direct(connection):
        return Egress(transport="direct")
    tcp, uds = connection.part("transport", "tcp"), connection.part("transport", "uds")
    if uds:
        return Egress(transport="uds", server=_text(uds, "udsName"))
    bundle = tcp.scalar("tlsConfig", "caBundle")
    return Egress(transport="tcp", server=_text(tcp, "url"), ca_bundle=bundle.text if bundle else None)


def _is_direct(connection: Tree) -> bool:
    protocol = connection.scalar("proxyProtocol") or connection.scalar("type")
    return protocol is not None and str(protocol.text).lower() == "direct"


def _text(tree: Tree, key: str) -> str | None:
    found = tree.scalar(key)
    return found.text if found else None
