"""A check on a Ray cluster of several nodes on this machine, run by the interpreter that has Ray.

Arguments: a folder, "kill" or "keep" (a node) or "behead", and what `trainlint check` is told.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time

os.environ["RAY_AUTH_MODE"] = "disabled"

from ray.cluster_utils import Cluster


def kill_when_busy(cluster, node, started):
    """Takes a node away when it has been given work, or what connects the command with all of them."""
    while not os.path.exists(started):
        time.sleep(0.01)
    if node is None:
        cluster.head_node.kill_raylet(check_alive=False)
    else:
        cluster.remove_node(node, allow_graceful=False)
    print("a node was killed", file=sys.stderr)


def main():
    folder, how, *arguments = sys.argv[1:]
    with contextlib.redirect_stdout(sys.stderr):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        nodes = [cluster.add_node(num_cpus=1, num_gpus=1) for _ in range(2)]
        cluster.wait_for_nodes()
        print(f"{len(nodes) + 1} nodes", file=sys.stderr)
    os.chdir(folder)
    killer = None
    if how != "keep":
        started = os.environ["TRAINLINT_TEST_STARTED"]
        killer = threading.Thread(target=kill_when_busy, args=(cluster, nodes[0] if how == "kill" else None, started))
        killer.start()
    command = [sys.executable, "-m", "trainlint", *arguments, "--engine", "ray", "--address", cluster.address]
    status = subprocess.run(command).returncode
    if killer is not None:
        killer.join()
    with contextlib.redirect_stdout(sys.stderr):
        cluster.shutdown()
    return status


if __name__ == "__main__":
    sys.exit(main())
