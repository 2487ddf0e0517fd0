"""What it costs one node, and an export, to learn who is who in a cluster of 5,000 nodes and 150,000 pods.

A server that speaks the API's wire format runs in this process, the follower in one of its own.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cluster.apiserver import NODES, PODS, SERVICES, SLICES, Api, serving
from cluster.objects import endpoint_slice, node, pod, service

CLIENT = """
import json, resource, sys, time
from observer import pipeline
from observer.inventory.kubernetes.connection import Connection
from observer.inventory.kubernetes.follow import Follower

def spent():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

url, name = sys.argv[1:]
before, resident_before = spent(), resident()
follower = Follower(Connection(url), node=name or None)
begun = time.monotonic()
inventory = None
if name:
    follower.start()
    while inventory is None:
        inventory = follower.poll()
        time.sleep(0.05)
else:
    inventory = follower.read()
read, wall = spent() - before, time.monotonic() - begun
places = pipeline.compile_places(inventory)
peak = next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"cpu_s": round(read, 2), "wall_s": round(wall, 2), "places_cpu_s": round(spent() - before - read, 2),
  "before_mib": round(resident_before), "resident_mib": round(resident()), "peak_mib": round(peak),
  "nodes": len(inventory.nodes), "pods": len(inventory.pods), "rows": len(places.rows)}))
"""


def cluster(nodes: int, pods: int, behind: int) -> Api:
    """So many nodes and pods; a service leads to each hundred of the first `behind` pods."""
    api = Api()
    for index in range(nodes):
        cidr = f"10.{100 + index // 250}.{index % 250}.0/24"
        api.put(NODES, node(f"n{index}", f"172.16.{index // 250}.{index % 250}", pod_cidrs=(cidr,), images=50))
    made = []
    for index in range(pods):
        on, slot = index % nodes, index // nodes
        address = f"10.{100 + on // 250}.{on % 250}.{slot + 2}"
        owner = ("ReplicaSet", f"app{index % 3000}-7d4b9c")
        one = pod(f"app{index % 3000}-7d4b9c-{index:06}", address, on=f"n{on}", owner=owner)
        made.extend([one] if index < behind else [])
        api.put(PODS, one)
    for index in range(0, behind, 100):
        api.put(SERVICES, service(f"s{index}", f"10.96.{index // 25000}.{index // 100 % 250}"))
        api.put(SLICES, endpoint_slice(f"s{index}-a", f"s{index}", *made[index : index + 100]))
    api.put(SLICES, endpoint_slice("kubernetes", "kubernetes", addresses=("172.31.0.1",), port=6443))
    api.past.clear()
    return api


def main() -> None:
    """Print one line for the agent of a node and one for an export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--pods", type=int, default=150_000)
    chosen = parser.parse_args()
    with serving(cluster(chosen.nodes, chosen.pods, min(chosen.pods, 20_000))) as server:
        for name, node_name in (("agent", "n7"), ("export", "")):
            command = [sys.executable, "-c", CLIENT, f"http://127.0.0.1:{server.port}", node_name]
            print(name, json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


if __name__ == "__main__":
    main()
