"""How a kubeconfig's client checks the API server. Of credentials only their being there is looked at."""

from observer.inventory.components import Kubeconfig
from observer.inventory.host.document import Found, Tree, parse


def read(text: str, file: str, user: str, host: str) -> tuple[Kubeconfig, dict[str, str]]:
    """The current context's cluster and kind of credentials, and where its facts stand; UnreadableError."""
    documents = parse(text, file)
    tree = documents[0] if documents else Tree(file, None)
    context = _named(tree, "contexts", tree.scalar("current-context")).part("context")
    cluster = _named(tree, "clusters", context.scalar("cluster")).part("cluster")
    own = _named(tree, "users", context.scalar("user")).part("user")
    skip = cluster.scalar("insecure-skip-tls-verify")
    known = Kubeconfig(
        user=user,
        file=file,
        host=host,
        server=_text(cluster, "server"),
        certificate_authority="embedded"
        if cluster.has("certificate-authority-data")
        else _text(cluster, "certificate-authority"),
        insecure_skip_tls_verify=skip is not None and skip.value is True,
        tls_server_name=_text(cluster, "tls-server-name"),
        client_certificate=own.has("client-certificate") or own.has("client-certificate-data"),
    )
    return known, _sources(cluster, file)


def _sources(cluster: Tree, file: str) -> dict[str, str]:
    """Settings that are given stand in their line; the others are known from the whole file."""
    keys = {
        "certificate_authority": "certificate-authority",
        "insecure_skip_tls_verify": "insecure-skip-tls-verify",
        "tls_server_name": "tls-server-name",
    }
    found = {fact: cluster.scalar(key) or cluster.scalar(f"{key}-data") for fact, key in keys.items()}
    return {fact: setting.where if setting else f"{file}: not given" for fact, setting in found.items()}


def _named(tree: Tree, section: str, name: Found | None) -> Tree:
    """The entry of that name; the first counts, as for kubectl."""
    for entry in tree.part(section).items():
        found = entry.scalar("name")
        if found is not None and name is not None and found.value == name.value:
            return entry
    return Tree(tree.file, None)


def _text(tree: Tree, key: str) -> str | None:
    found = tree.scalar(key)
    return found.text if found else None
