"""Objects as a real API server shows them, with the many fields that nobody here needs."""

from typing import Any

Json = dict[str, Any]

CLUTTER: Json = {
    "managedFields": [
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-11-25T10:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:generateName": {}, "f:labels": {".": {}, "f:app": {}}}, "f:spec": {}},
        }
    ],
    # NEL ends no line of a watch; Go leaves it as it is.
    "annotations": {"note": "odd \u0085 \u2028 text", "kubernetes.io/config.source": "file"},
    "creationTimestamp": "2026-11-25T10:00:00Z",
}


def node(name: str, *addresses: str, pod_cidrs: tuple[str, ...] = (), port: int = 10250, images: int = 3) -> Json:
    return {
        "metadata": {"name": name, "uid": f"node-{name}", "labels": {"kubernetes.io/os": "linux"}, **CLUTTER},
        "spec": {"podCIDR": pod_cidrs[0], "podCIDRs": list(pod_cidrs)} if pod_cidrs else {},
        "status": {
            "addresses": [
                *({"type": "InternalIP", "address": one} for one in addresses),
                {"type": "Hostname", "address": name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "images": [
                {"names": [f"registry.example/image-{n}@sha256:{n:064x}"], "sizeBytes": n} for n in range(images)
            ],
        },
    }


def pod(name: str, *addresses: str, namespace: str = "default", on: str = "node1", **more: Any) -> Json:
    """`more`: uid, labels, owner (kind, name), account, host, phase, container, command, args."""
    owner = more.get("owner")
    owners = (
        [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "uid": "o", "controller": True}]
        if owner
        else None
    )
    container = more.get("container", "main")
    spec: Json = {"name": container, "image": "registry.example/app:1", "env": [{"name": "A", "value": "b"}] * 5}
    spec |= {key: more[key] for key in ("command", "args") if key in more}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": more.get("uid", f"uid-{namespace}-{name}"),
            "labels": {"app": "web", **more.get("labels", {})},
            **({"ownerReferences": owners} if owners else {}),
            **CLUTTER,
        },
        "spec": {
            "nodeName": on,
            "serviceAccountName": more.get("account", "default"),
            "containers": [spec],
            "volumes": [{"name": "kube-api-access", "projected": {"sources": [{"serviceAccountToken": {}}]}}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}],
            **({"hostNetwork": True} if more.get("host") else {}),
        },
        "status": {
            "phase": more.get("phase", "Running"),
            "hostIP": more.get("host", "10.0.0.1"),
            "podIP": addresses[0] if addresses else "",
            "podIPs": [{"ip": one} for one in addresses],
            "containerStatuses": [
                {
                    "name": container,
                    "containerID": f"containerd://{more.get('id', '0a1b')}",
                    "ready": True,
                    "restartCount": 0,
                }
            ],
            "conditions": [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "PodScheduled")],
        },
    }


def service(name: str, *addresses: str, namespace: str = "default", ports: tuple[int, ...] = (80,)) -> Json:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"svc-{name}", **CLUTTER},
        "spec": {
            "clusterIP": addresses[0] if addresses else "None",
            "clusterIPs": list(addresses) or ["None"],
            "ports": [{"name": "https", "protocol": "TCP", "port": port, "targetPort": port} for port in ports],
        },
        "status": {"loadBalancer": {}},
    }


def endpoint_slice(name: str, of: str, *pods: Json, addresses: tuple[str, ...] = (), port: int = 80) -> Json:
    """The pods behind a service; `addresses` are backends that are no pods."""
    behind = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", **{key: pod["metadata"][key] for key in ("namespace", "name", "uid")}},
        }
        for pod in pods
    ]
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": of},
            **CLUTTER,
        },
        "addressType": "IPv4",
        "endpoints": [*behind, *({"addresses": [one], "conditions": {"ready": True}} for one in addresses)] or None,
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
