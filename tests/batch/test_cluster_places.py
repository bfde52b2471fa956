"""How much a cluster has to do at a time, and what happens when nobody is left to do it."""

from __future__ import annotations

import sys
import types

import pytest

from trainlint.batch import cluster
from trainlint.batch.cluster import Cluster, ClusterError, Task


class Ray(types.ModuleType):
    """What is used of Ray, on nodes that say what they have and never finish anything."""

    def __init__(self, nodes):
        super().__init__("ray")
        self.answers = nodes
        self.stopped = 0
        self.cancelled = 0

    def init(self, **_):
        pass

    def shutdown(self):
        self.stopped += 1

    def nodes(self):
        return [{"Alive": alive, "Resources": has} for alive, has in self.answers]

    def put(self, value):
        return value

    def wait(self, flying, num_returns, timeout):
        self.answers = []
        return [], flying

    def cancel(self, reference, force):
        self.cancelled += 1


class Function:
    """A function of the nodes."""

    def __init__(self):
        self.sent = 0

    def remote(self, *_):
        self.sent += 1
        return self.sent


def on(monkeypatch, nodes, **options):
    """A cluster of nodes, each whether it is alive and what it has."""
    ray, function = Ray(nodes), Function()
    ray.remote = lambda **_: lambda _: function
    monkeypatch.setitem(sys.modules, "ray", ray)
    return Cluster(None, str, str, **options), ray, function


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [(False, {"CPU": 4, "GPU": 1})],
        [(True, {"CPU": 4}), (True, {"GPU": 2})],
        [(True, {"CPU": 4, "GPU": 0.125}), (True, {"CPU": 0.5, "GPU": 1})],
    ],
)
def test_cluster_without_a_place_is_refused(monkeypatch, nodes):
    """A task needs all of it on one node, and waits for ever where there is none; the connection is not kept."""
    there, ray, _ = on(monkeypatch, nodes, gpus=0.25)
    with pytest.raises(ClusterError) as error:
        there.__enter__()
    assert "--engine ray: no node of the cluster has 1 CPU and 0.25 GPU" == str(error.value)
    assert 1 == ray.stopped


def test_nodes_that_are_all_gone_are_waited_for_a_while_only(monkeypatch):
    """Without them a check would wait for ever; what was given out is taken back."""
    monkeypatch.setattr(cluster, "_ALONE", 0)
    monkeypatch.setattr(cluster, "_LOOK", 0)
    there, ray, function = on(monkeypatch, [(True, {"CPU": 2})], chunk=1)
    with there, pytest.raises(ClusterError) as error:
        list(there.run(iter([Task(0, "a"), Task(1, "a")])))
    assert "--engine ray: for 0 s no node of the cluster has 1 CPU" == str(error.value)
    assert 2 == function.sent == ray.cancelled


def test_as_much_is_on_its_way_as_the_nodes_have_room_for(monkeypatch):
    """Half a processor on each of two nodes is none."""
    monkeypatch.setattr(cluster, "_ALONE", 0)
    monkeypatch.setattr(cluster, "_LOOK", 0)
    nodes = [(True, {"CPU": 1.5}), (True, {"CPU": 0.5}), (False, {"CPU": 8}), (True, {"CPU": 2})]
    there, _, function = on(monkeypatch, nodes, chunk=1)
    with there, pytest.raises(ClusterError):
        list(there.run(Task(number, "a") for number in range(100)))
    assert 3 * 3 == function.sent
