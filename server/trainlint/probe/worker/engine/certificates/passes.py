"""Single passes through a network at its initial weights, for all seeds side by side."""

import numpy as np

from ..backends.tree import flatten
from ..errors import Cancelled, GraphError
from ..interpreter import evaluate
from ..program import Program
from ..replicas import Data, Replicas

# Enough rows for shares to be read to a few percent; large networks get fewer, so that a pass takes a blink.
ROWS = 128
FLOATS = 8_000_000


def plain(rates):
    """Probabilities as they are."""
    return rates


# How probabilities are written for a head.
WRITTEN = {
    "softmax-logits": np.log,
    "log-probabilities": np.log,
    "sigmoid-logits": lambda rates: np.log(rates / (1.0 - rates)),
    "tanh-probabilities": lambda rates: 2.0 * rates - 1.0,
    "probabilities": plain,
    "sigmoid-probabilities": plain,
    "values": plain,
}


class Passes:
    """An arm's network with data; tensors come back as arrays [seeds, *shape of the node]."""

    def __init__(self, experiment, backend, name, graph, averages, size, cancelled):
        self.backend = backend
        self.graph = graph
        self.cancelled = cancelled
        self._compiled: dict = {}
        self.seeds = list(experiment["seeds"]) or [0]
        self.rows = int(max(4, min(ROWS, FLOATS // (max(1, size) * len(self.seeds)))))
        self.program = Program(backend, graph, 1, len(self.seeds), self.rows)
        self.replicas = Replicas(self.program, [(name, graph)], self.seeds, averages)
        task = (experiment.get("tasks") or ["prototypes"])[0]
        self.data = Data(task, self.seeds, graph, 2 * self.rows, self.rows)
        self.state = self.replicas.initial_state()
        self.fixed = self.replicas.fixed()
        batches = self.replicas.batches(self.data, 0, 1)
        self.fed = {source: values[0] for source, values in batches.items()}

    def context(self, training, step, fed, replaced, averages=None):
        mode = "constants" if training else "constants_evaluation"
        fed = dict(self.fixed[mode], **fed)
        if not training:
            fed.update((name, self.backend.array(np.ones(value.shape, np.float32))) for name, value in self._masks())
        state = self.state if averages is None else dict(self.state, averages=averages)
        context = self.program.context(training, self.rows, fed, state, self.fixed, step)
        context.replaced = replaced
        return context

    def _run(self, key, function, tree):
        """NumPy results of ``function(tree)``; ``key`` says what else it depends on."""
        if not self.backend.compiles_each_operation:
            leaves, rebuild = flatten(function(tree))
            return rebuild([self.backend.numpy(leaf) for leaf in leaves])
        if key not in self._compiled:
            self._compiled[key] = self.backend.compile(function, tree)
        return self._compiled[key](tree)

    def _tree(self, step, replaced):
        """What changes between passes."""
        arrays = {name: self.backend.array(value) for name, value in (replaced or {}).items()}
        return {"step": self.backend.array(int(step)), "fed": self.fed, "replaced": arrays}

    def _masks(self):
        return [(name, value) for name, value in self.fed.items() if self.graph.sources[name].get("role") == "noise"]

    def check(self, node):
        """Raises where there is no such node, and when nobody waits any more."""
        if node not in self.graph.nodes:
            raise GraphError("there is no node {!r}".format(node))
        if self.cancelled():
            raise Cancelled()

    def values(self, nodes, training=False, step=0, replaced=None):
        """Arrays [seeds, ...] of some nodes by name."""
        for node in nodes:
            self.check(node)

        def function(tree):
            context = self.context(training, tree["step"], tree["fed"], tree["replaced"])
            evaluate(context, nodes)
            return {node: context.values[node] for node in nodes}

        key = ("values", tuple(nodes), training, tuple(sorted(replaced or ())))
        found = self._run(key, function, self._tree(step, replaced))
        return {node: self._whole(values) for node, values in found.items()}

    def losses(self, replaced=None, training=False):
        """[seeds] of losses."""

        def function(tree):
            return self.program.losses(self.context(training, tree["step"], tree["fed"], tree["replaced"]))[1]

        key = ("losses", training, tuple(sorted(replaced or ())))
        return self._run(key, function, self._tree(0, replaced))

    def gradients(self):
        """[seeds, size] of gradients by variable, in training mode."""

        def function(tree):
            fed = dict(self.fixed["constants"], **tree["fed"])
            return self.program.gradient(self.state, self.fixed, fed, self.rows, True, tree["step"])[2]

        return self.program.by_variable(self._run("gradients", function, self._tree(0, None)))

    def weights(self, state):
        """[seeds, size] of weights by variable."""
        return self.program.by_variable(self.backend.numpy(state["weights"]).astype(np.float64))

    def gradient_of(self, node, value):
        """[seeds, ...]: the gradient of the loss for ``node`` where it has ``value``."""

        def function(tree):
            def loss(values):
                return self.program.losses(self.context(True, tree["step"], tree["fed"], {node: values[0]}))

            return self.backend.gradients(loss, [tree["replaced"][node]])[2][0]

        return self._run(("gradient", node), function, self._tree(0, {node: value}))

    def answers(self):
        """The node that other answers can be put in for, and the head that it has; (None, None) without one.

        Where the loss does without the predictions it depends on what they are squashed from.
        """
        graph = self.graph
        behind = graph.behind([graph.loss])
        if graph.predictions in behind:
            return graph.predictions, graph.head
        node = graph.nodes.get(graph.predictions, {})
        function = node.get("function")
        inner = (node.get("inputs") or [None])[0]
        heads = {"softmax": "softmax-logits", "sigmoid": "sigmoid-logits"}
        if node.get("op") != "activation" or function not in heads or inner not in behind:
            return None, None
        return inner, heads[function]

    def redraw_masks(self, step):
        """Masks that are fed change as they would with the next batch; the rows stay."""
        for name in self.replicas.fed_names():
            if self.graph.sources[name].get("role") == "noise":
                self.fed[name] = self.replicas.masks(name, step, 1)[0]

    def averages_after(self, steps):
        """Moving averages after so many passes in training mode."""

        def function(tree):
            context = self.context(True, tree["step"], tree["fed"], {}, tree["averages"])
            evaluate(context, [self.graph.loss])
            return context.new_averages

        averages = self.state["averages"]
        for step in range(steps):
            if self.cancelled():
                raise Cancelled()
            batches = self.replicas.batches(self.data, step, 1)
            fed = {source: values[0] for source, values in batches.items()}
            tree = {"step": self.backend.array(step), "fed": fed, "averages": averages}
            leaves, rebuild = flatten(self._run("averages", function, tree))
            averages = rebuild([self.backend.array(leaf) for leaf in leaves])
        return averages

    def trained(self, steps):
        """The state after so many steps of training."""
        if self.cancelled():
            raise Cancelled()
        return self.program.train(self.state, self.fixed, self.replicas.batches(self.data, 0, steps), 0)[0]

    def _whole(self, values):
        count = len(self.seeds)
        return values if len(values) == count else np.broadcast_to(values, (count,) + values.shape[1:])
