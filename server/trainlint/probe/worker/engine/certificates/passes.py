"""Single passes through a network at its initial weights, for all seeds side by side."""

import numpy as np

from ..data.sample import without_rows
from ..errors import Cancelled, GraphError
from ..interpreter import evaluate
from ..program import Program
from ..replicas import Data, Replicas

# Enough rows for shares to be read to a few percent; large inputs get fewer.
ROWS = 128
BYTES = 64_000_000


class Passes:
    """An arm's network with data; tensors come back as arrays [seeds, *shape of the node]."""

    def __init__(self, experiment, backend, name, graph, averages, cancelled):
        self.backend = backend
        self.graph = graph
        self.cancelled = cancelled
        self.seeds = list(experiment["seeds"]) or [0]
        self.rows = self._rows(graph)
        self.program = Program(backend, graph, 1, len(self.seeds), self.rows)
        self.replicas = Replicas(self.program, [(name, graph)], self.seeds, averages)
        task = (experiment.get("tasks") or ["prototypes"])[0]
        self.data = Data(task, self.seeds, graph, 2 * self.rows, self.rows)
        self.state = self.replicas.initial_state()
        self.fixed = self.replicas.fixed()
        batches = self.replicas.batches(self.data, 0, 1)
        self.fed = {source: values[0] for source, values in batches.items()}

    def _rows(self, graph):
        size = 1
        for name in graph.source_of("features"):
            size = max(size, int(np.prod(without_rows(graph.sources[name]["shape"])[0], dtype=np.int64)))
        return int(max(8, min(ROWS, BYTES // (4 * size * len(self.seeds)))))

    def context(self, training, step, replaced=None, state=None):
        mode = "constants" if training else "constants_evaluation"
        fed = dict(self.fixed[mode], **self.fed)
        if not training:
            fed.update((name, self.backend.array(np.ones(value.shape, np.float32))) for name, value in self._masks())
        context = self.program.context(
            training, self.rows, fed, state or self.state, self.fixed, self.backend.array(int(step))
        )
        context.replaced = dict(replaced or {})
        return context

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
        replaced = {name: self.backend.array(value) for name, value in (replaced or {}).items()}
        context = self.context(training, step, replaced)
        evaluate(context, nodes)
        return {node: self._whole(context.values[node]) for node in nodes}

    def losses(self, replaced=None, training=False):
        """[seeds] of losses."""
        replaced = {name: self.backend.array(value) for name, value in (replaced or {}).items()}
        _, reported = self.program.losses(self.context(training, 0, replaced))
        return self.backend.numpy(reported)

    def gradients(self):
        """[seeds, size] of gradients by variable, in training mode."""
        fed = dict(self.fixed["constants"], **self.fed)
        step = self.backend.array(0)
        _, _, found = self.program.gradient(self.state, self.fixed, fed, self.rows, True, step)
        return self.program.by_variable(self.backend.numpy(found))

    def weights(self, state):
        """[seeds, size] of weights by variable."""
        return self.program.by_variable(self.backend.numpy(state["weights"]).astype(np.float64))

    def gradient_of(self, node, value):
        """[seeds, ...]: the gradient of the loss for ``node`` where it has ``value``."""

        def function(values):
            total, reported = self.program.losses(self.context(True, 0, {node: values[0]}))
            return total, reported

        _, _, (gradient,) = self.backend.gradients(function, [self.backend.array(value)])
        return self.backend.numpy(gradient)

    def redraw_masks(self, step):
        """Masks that are fed change as they would with the next batch; the rows stay."""
        for name in self.replicas.fed_names():
            if self.graph.sources[name].get("role") == "noise":
                self.fed[name] = self.replicas.masks(name, step, 1)[0]

    def averages_after(self, steps):
        """Moving averages after so many passes in training mode."""
        averages = self.state["averages"]
        for step in range(steps):
            if self.cancelled():
                raise Cancelled()
            batches = self.replicas.batches(self.data, step, 1)
            self.fed = {source: values[0] for source, values in batches.items()}
            context = self.context(True, step, state=dict(self.state, averages=averages))
            evaluate(context, [self.graph.loss])
            averages = context.new_averages
        return averages

    def trained(self, steps):
        """The state after so many steps of training."""
        if self.cancelled():
            raise Cancelled()
        return self.program.train(self.state, self.fixed, self.replicas.batches(self.data, 0, steps), 0)[0]

    def _whole(self, tensor):
        values = self.backend.numpy(tensor)
        count = len(self.seeds)
        return values if len(values) == count else np.broadcast_to(values, (count,) + values.shape[1:])
