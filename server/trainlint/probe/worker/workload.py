"""How much a step of an experiment computes, roughly: what decides between CPU and GPU."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping


def multiply_adds(experiment: Mapping[str, Any]) -> int:
    """The multiplications of one forward pass of the first arm over a batch, for one seed.

    Only products with weights and attention count. Sizes that the experiment does not tell are followed from the
    sources: a stride divides the places of an image, a pool as well, everything else keeps them.
    """
    try:
        graph = experiment["arms"][0]["graph"]
        return int(experiment.get("batch", 1)) * _Sizes(graph).total()
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError):
        # The engine says what is wrong with an experiment.
        return 0


class _Sizes:
    """The number of places (steps of a text, pixels of an image) that each node has in a row of the batch."""

    def __init__(self, graph: Mapping[str, Any]) -> None:
        self._nodes: Mapping[str, Any] = graph["nodes"]
        self._sources: Mapping[str, Any] = graph.get("sources", {})
        self._places: Dict[str, int] = {}

    def total(self) -> int:
        return sum(self._cost(node) for node in self._nodes.values())

    def _cost(self, node: Mapping[str, Any]) -> int:
        inputs: List[Any] = list(node.get("inputs", ()))
        if not inputs:
            return 0
        op = node["op"]
        weights = sum(_product(self._nodes[name]["shape"]) for name in inputs if self._is_weight(name))
        places = self._of(inputs[0])
        if op == "matmul":
            return places * weights
        if op == "convolution":
            return self._after(node, places) * weights
        if op == "recurrent":
            return places * weights
        if op == "attention":
            width = int(node.get("heads", 1)) * int(node.get("key_size", 1))
            return places * weights + 2 * places * self._of(inputs[1]) * width
        return 0

    def _of(self, name: Any) -> int:
        """The places of what comes out of a node."""
        known = self._places.get(name)
        if known is not None:
            return known
        # A graph has no circles; a broken one ends here.
        self._places[name] = 1
        node = self._nodes.get(name)
        if isinstance(node, Mapping):
            self._places[name] = max(1, self._through(node))
        return self._places[name]

    def _through(self, node: Mapping[str, Any]) -> int:
        op = node["op"]
        if op == "source":
            shape = [size for size in self._sources[node["source"]]["shape"] if isinstance(size, int)]
            # Ids of words have no axis of features.
            whole = self._sources[node["source"]].get("dtype", "").startswith(("int", "uint")) and len(shape) == 1
            return _product(shape if whole else shape[:-1])
        inputs = [self._of(name) for name in node.get("inputs", ()) if not self._is_weight(name)]
        places = max(inputs, default=1)
        if op in ("convolution", "pool"):
            return self._after(node, places)
        if op == "flatten" or (op == "recurrent" and not node.get("sequences")):
            return 1
        if op == "reshape":
            target = node.get("target") or []
            return _product([size for size in target[1:-1] if isinstance(size, int) and size > 0])
        if op == "reduce" and node.get("axis") is not None and 1 in node["axis"]:
            return 1
        return places

    def _after(self, node: Mapping[str, Any], places: int) -> int:
        """The places that a window with strides leaves."""
        if node.get("global"):
            return 1
        strides = node.get("strides") or node.get("size") or 1
        ratio = _product(strides) if isinstance(strides, (list, tuple)) else int(strides) ** int(node.get("rank", 2))
        transposed = node.get("form") == "transposed"
        return max(1, places * ratio if transposed else places // max(1, ratio))

    def _is_weight(self, name: Any) -> bool:
        node = self._nodes.get(name) if isinstance(name, str) else None
        return isinstance(node, Mapping) and node.get("op") == "variable"


def _product(sizes: Any) -> int:
    product = 1
    for size in sizes:
        if isinstance(size, int):
            product *= size
    return product
