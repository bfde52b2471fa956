"""The network of one arm: its nodes in order of evaluation, its variables, and what makes two networks one."""

import json

from .errors import GraphError

# Numbers that may differ between the arms of one compiled call, because no shape and no branch depends on them.
LIFTED = {
    "dropout": ("rate",),
    "l1-l2": ("l1", "l2"),
}
# An input that is missing; merge patches cannot hold a null.
NOTHING = "none"
# What says nothing about how a node is computed.
UNSTRUCTURAL = ("initial", "layer", "line", "label", "comment")


def merge_patch(target, patch):
    """``target`` after the JSON merge patch ``patch`` (RFC 7396); neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def arm_graphs(experiment):
    """Pairs of name and graph, patches applied, in the order of the experiment."""
    if not experiment["arms"]:
        # What asks the framework alone needs no network.
        return []
    first = experiment["arms"][0]["graph"]
    return [
        (arm["name"], arm["graph"] if "graph" in arm else merge_patch(first, arm.get("patch") or {}))
        for arm in experiment["arms"]
    ]


class Graph:
    """A network that can be evaluated for batches of any number of rows."""

    def __init__(self, description):
        self.description = description
        self.nodes = description.get("nodes") or {}
        self.sources = description.get("sources") or {}
        self.task = description.get("task") or {"kind": "none"}
        self.loss = description.get("loss")
        self.penalties = list(description.get("penalties") or ())
        self.head = description.get("head")
        predictions = description.get("predictions")
        # Both spellings of the contract: the node alone, or an object with node and head.
        if isinstance(predictions, dict):
            self.head = predictions.get("head", self.head)
            predictions = predictions.get("node")
        self.predictions = predictions
        self.optimizer = description.get("optimizer") or {"name": "SGD", "learning_rate": 0.01}
        self.order = self._order()

    def _order(self):
        """Names of all nodes so that each stands behind its inputs."""
        # None while a node's inputs are looked at.
        done: dict = {}
        order = []
        for root in self.nodes:
            pending = [(root, False)]
            while pending:
                name, ready = pending.pop()
                if ready:
                    done[name] = True
                    order.append(name)
                    continue
                if name in done:
                    if done[name] is None:
                        raise GraphError("the nodes around {!r} depend on each other in a circle".format(name))
                    continue
                done[name] = None
                pending.append((name, True))
                for wanted in self.wanted(name):
                    if wanted not in self.nodes:
                        raise GraphError("node {!r} needs a node {!r} that does not exist".format(name, wanted))
                    if wanted not in done:
                        pending.append((wanted, False))
                    elif done[wanted] is None:
                        raise GraphError("the nodes around {!r} depend on each other in a circle".format(wanted))
        return order

    def wanted(self, name):
        """Names of the nodes that ``name`` is computed of."""
        node = self.nodes[name]
        names = [one for one in node.get("inputs") or () if isinstance(one, str) and one != NOTHING]
        if isinstance(node.get("rate"), str):
            names.append(node["rate"])
        return names

    def behind(self, targets):
        """The set of names that the nodes ``targets`` depend on, themselves included."""
        found, pending = set(), [name for name in targets if name is not None]
        while pending:
            name = pending.pop()
            if name not in self.nodes:
                raise GraphError("there is no node {!r}".format(name))
            if name not in found:
                found.add(name)
                pending.extend(self.wanted(name))
        return found

    def variables(self):
        """Names of all variables, in order of evaluation."""
        return [name for name in self.order if self.nodes[name]["op"] == "variable"]

    def trained(self):
        """Names of the variables that the optimizer moves."""
        named = self.optimizer.get("variables")
        behind = self.behind([self.loss] + self.penalties)
        return [
            name
            for name in self.variables()
            if name in behind
            and (name in named if named is not None else self.nodes[name].get("trainable", True))
            and self.nodes[name].get("dtype", "float32").startswith(("float", "bfloat", "half", "double"))
        ]

    def averaged(self):
        """Names of the batch normalizations, which keep moving averages."""
        return [
            name
            for name in self.order
            if self.nodes[name]["op"] == "normalization" and self.nodes[name].get("form", "batch") == "batch"
        ]

    def structure(self):
        """A text that is equal for graphs that one compiled call can compute side by side."""
        nodes = {}
        for name, node in self.nodes.items():
            lifted = LIFTED.get(node["op"], ())
            nodes[name] = {
                key: "#" if key in lifted and _is_number(value) else value
                for key, value in node.items()
                if key not in UNSTRUCTURAL or (key == "initial" and node["op"] == "random")
            }
        sources = {
            name: [source.get("role"), source.get("shape"), source.get("dtype")]
            for name, source in self.sources.items()
        }
        whole = [nodes, sources, self.loss, self.penalties, self.predictions, _without_numbers(self.optimizer)]
        return json.dumps(whole, sort_keys=True)

    def lifted(self):
        """Numbers by ``node/attribute`` that are given to the compiled call for each replica."""
        found = {}
        for name, node in self.nodes.items():
            for attribute in LIFTED.get(node["op"], ()):
                if _is_number(node.get(attribute)):
                    found["{}/{}".format(name, attribute)] = float(node[attribute])
        return found

    def source_of(self, role):
        """Names of the sources that play ``role`` and that some node reads."""
        read = {node.get("source") for node in self.nodes.values() if node["op"] == "source"}
        return [name for name, source in self.sources.items() if source.get("role") == role and name in read]


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _without_numbers(value):
    if _is_number(value):
        return "#"
    if isinstance(value, dict):
        return {key: _without_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_numbers(item) for item in value]
    return value
