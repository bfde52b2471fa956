"""How much a step computes, roughly: enough to tell a small network from a large one."""

from __future__ import annotations

import pytest

from trainlint.probe.worker.devices import GPU_FROM
from trainlint.probe.worker.workload import multiply_adds


def work(nodes: dict, shape: list, dtype: str = "float32", batch: int = 128) -> int:
    """The multiply-adds of a step over one source."""
    graph = {
        "nodes": {"x": {"op": "source", "source": "x"}, **nodes},
        "sources": {"x": {"shape": shape, "dtype": dtype}},
    }
    return multiply_adds({"batch": batch, "arms": [{"graph": graph}]})


def variable(*shape: int) -> dict:
    """A weight."""
    return {"op": "variable", "shape": list(shape)}


def dense(width: int, layers: int) -> int:
    """A stack of layers of one width."""
    nodes: dict = {}
    below = "x"
    for layer in range(layers):
        nodes[f"w{layer}"] = variable(width, width)
        nodes[f"h{layer}"] = {"op": "matmul", "inputs": [below, f"w{layer}"]}
        nodes[f"a{layer}"] = {"op": "activation", "inputs": [f"h{layer}"]}
        below = f"a{layer}"
    return work(nodes, ["N", width])


def test_dense_layers():
    """A layer multiplies each row with its weights."""
    assert 128 * 3 * 256 * 256 == dense(256, 3)
    assert dense(256, 3) < GPU_FROM < dense(1024, 3)


def test_a_layer_at_each_step():
    """A layer over a sequence multiplies at each of its steps."""
    nodes = {"w": variable(8, 4), "h": {"op": "matmul", "inputs": ["x", "w"]}}

    assert 128 * 50 * 8 * 4 == work(nodes, ["N", 50, 8])


def test_convolutions():
    """Strides and pools leave fewer places; what is flattened has one."""
    nodes = {
        "k1": variable(3, 3, 1, 32),
        "c1": {"op": "convolution", "rank": 2, "strides": [1, 1], "inputs": ["x", "k1"]},
        "p1": {"op": "pool", "rank": 2, "size": [2, 2], "strides": [2, 2], "inputs": ["c1"]},
        "k2": variable(3, 3, 32, 64),
        "c2": {"op": "convolution", "rank": 2, "strides": 2, "inputs": ["p1", "k2"]},
        "f": {"op": "flatten", "inputs": ["c2"]},
        "w": variable(3136, 10),
        "y": {"op": "matmul", "inputs": ["f", "w"]},
    }

    places = 28 * 28 * 9 * 32 + 7 * 7 * 9 * 32 * 64 + 3136 * 10

    assert 128 * places == work(nodes, ["N", 28, 28, 1])


def test_words():
    """Ids of words have no axis of features; a recurrent layer multiplies at each word and leaves one."""
    nodes = {
        "table": variable(5000, 16),
        "e": {"op": "embedding", "inputs": ["x", "table"]},
        "k": variable(16, 64),
        "r": variable(16, 64),
        "b": variable(64),
        "l": {"op": "recurrent", "cell": "lstm", "units": 16, "inputs": ["e", "k", "r", "b"]},
        "w": variable(16, 2),
        "y": {"op": "matmul", "inputs": ["l", "w"]},
    }

    assert 128 * (40 * (16 * 64 * 2 + 64) + 32) == work(nodes, ["N", 40], "int32")


def test_attention():
    """Attention multiplies every place with every other."""
    nodes = {"a": {"op": "attention", "heads": 2, "key_size": 4, "inputs": ["x", "x", "x"]}}

    assert 128 * 2 * 50 * 50 * 8 == work(nodes, ["N", 50, 8])


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"arms": []},
        {"arms": [{"graph": 3}]},
        {"arms": [{"graph": {"nodes": {"a": {"op": "matmul", "inputs": ["a", "b"]}}}}]},
        {"arms": [{"graph": {"nodes": {"a": {"op": "pool", "inputs": ["b"]}, "b": {"op": "pool", "inputs": ["a"]}}}}]},
        {"arms": [{"graph": {"nodes": {"a": {"op": "convolution", "strides": "2", "inputs": ["a"]}}}}]},
        {"arms": [{"graph": {"nodes": {"a": []}}}]},
    ],
)
def test_what_is_no_graph(broken):
    """A broken experiment is no work; the engine says what is wrong with it."""
    assert 0 == multiply_adds(broken)
