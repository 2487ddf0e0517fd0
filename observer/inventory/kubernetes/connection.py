"""Where the API server is and by what it knows us: from inside a pod, or by a kubeconfig, which lightkube reads."""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import urllib3
import yaml

from observer.errors import ConfigurationError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts a pod's token, which it renews, and the cluster's authorities."""


class Connection(msgspec.Struct, frozen=True):
    """An API server. `context` and `token` are asked anew for each connection: files are renewed while we run."""

    url: str
    name: str = ""
    context: Callable[[], ssl.SSLContext] | None = None
    token: Callable[[], str | None] = lambda: None

    def open(self, timeout: urllib3.Timeout) -> urllib3.HTTPConnectionPool:
        """A pool of one connection; a proxy is not looked for."""
        parts = urlsplit(self.url)
        host, headers = parts.hostname or "", {"Accept-Encoding": "gzip", "User-Agent": "observer"}
        if self.context is None:
            return urllib3.HTTPConnectionPool(host, parts.port or 80, timeout, 1, headers=headers, retries=False)
        return urllib3.HTTPSConnectionPool(
            host, parts.port or 443, timeout, 1, headers=headers, retries=False, ssl_context=self.context()
        )

    def authorization(self) -> dict[str, str]:
        """The header that says who we are."""
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def path(self, path: str) -> str:
        """The API's path under what the URL itself begins with."""
        return urlsplit(self.url).path.rstrip("/") + path


def in_cluster(environment: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Connection:
    """The API server of the cluster we run in; ConfigurationError where we run in none."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ConfigurationError("KUBERNETES_SERVICE_HOST is not set: this is no pod; name a kubeconfig")
    token, authorities = account / "token", account / "ca.crt"
    for file in (token, authorities):
        if not file.is_file():
            raise ConfigurationError(f"{file}: is not there; does the pod's service account mount its token?")
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Connection(
        url,
        context=lambda: ssl.create_default_context(cafile=authorities),
        token=lambda: token.read_text(encoding="ascii").strip(),
    )


def kubeconfig(file: str | None = None, context: str | None = None) -> Connection:
    """What a kubeconfig says (else KUBECONFIG's, else ~/.kube/config); ConfigurationError where it cannot be used."""
    try:
        from lightkube.config import client_adapter  # noqa: PLC0415 - an extra, and never needed in a pod
        from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, KubeConfig  # noqa: PLC0415
        from lightkube.config.models import User  # noqa: PLC0415
        from lightkube.core.exceptions import ConfigError  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("kubeconfigs need lightkube: install observer[kubernetes]") from None
    named = file or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or DEFAULT_KUBECONFIG
    try:
        chosen = KubeConfig.from_file(named).get(context)
        if chosen is None:
            raise ConfigurationError(f"{named}: has no current context; name one with --context")
        cluster, user, absolute = chosen.cluster, chosen.user or User(), chosen.abs_file
        auth = client_adapter.user_auth(user)
    except yaml.YAMLError as error:
        # Its own words would repeat what stands there.
        raise ConfigurationError(f"{named}: is no YAML") from error
    except (ConfigError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{named}: {error}") from error
    tls = not cluster.server.startswith("http://")
    return Connection(
        cluster.server,
        name=chosen.context.cluster,
        context=(lambda: client_adapter.verify_cluster(cluster, user, absolute)) if tls else None,
        token=lambda: _token(auth, cluster.server),
    )


def _token(auth: Any, server: str) -> str | None:
    """What lightkube would send: it reads the file or runs the program that the kubeconfig names."""
    if auth is None:
        return None
    import httpx2  # noqa: PLC0415 - comes with lightkube

    request = next(auth.sync_auth_flow(httpx2.Request("GET", server)))
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else None
