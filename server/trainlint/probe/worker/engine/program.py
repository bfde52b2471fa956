"""Networks of one structure, compiled once: a step of training and an evaluation for all replicas side by side."""

import threading
from collections import OrderedDict

import numpy as np

from .errors import GraphError
from .interpreter import Context, evaluate
from .operations.activations import BOUNDS
from .optimizers import Optimizer

# Compiled programs that a warm worker keeps; a trace of a small network holds a few megabytes.
KEPT = 24
# Within this share of a bound an activation passes on next to no gradient.
NEAR = 1e-3

_programs: OrderedDict = OrderedDict()
_lock = threading.Lock()


def program(backend, graph, n_arms, n_seeds, batch):
    """The compiled program for graphs of one structure, reused where there is one."""
    key = (backend.name, graph.structure(), n_arms, n_seeds, batch)
    with _lock:
        if key in _programs:
            _programs.move_to_end(key)
        else:
            _programs[key] = Program(backend, graph, n_arms, n_seeds, batch)
            while len(_programs) > KEPT:
                _programs.popitem(last=False)
        return _programs[key]


class Program:
    """``train`` and ``evaluate`` for ``n_arms`` x ``n_seeds`` replicas, arm by arm."""

    def __init__(self, backend, graph, n_arms, n_seeds, batch):
        self.backend = backend
        self.graph = graph
        self.n_arms = n_arms
        self.n_seeds = n_seeds
        self.batch = batch
        self.trained = graph.trained()
        if not self.trained:
            raise GraphError("no trainable variable is behind the loss")
        self.shapes = [tuple(int(size) for size in graph.nodes[name].get("shape") or ()) for name in self.trained]
        self.sizes = [int(np.prod(shape, dtype=np.int64)) for shape in self.shapes]
        self.optimizer = Optimizer(graph.optimizer, backend)
        self._compiled = {}
        # Two tasks train the same program at the same time; it is compiled once.
        self._compiling = threading.Lock()
        self.watched = [
            name
            for name in graph.order
            if graph.nodes[name]["op"] == "activation" and name in graph.behind([graph.loss, graph.predictions])
        ]

    def context(self, training, rows, fed, state, fixed, step):
        variables = dict(fixed["frozen"])
        variables.update(self.unpacked(state["weights"]))
        return Context(
            self.backend,
            self.graph,
            training,
            rows,
            self.n_arms,
            fed,
            variables,
            state["averages"],
            fixed["numbers"],
            fixed["seeds"],
            step,
        )

    # Weights: all trained variables of a replica lie in one row of [replicas, weights], so that an optimizer is a few
    # operations and not a few for each variable.

    def unpacked(self, weights):
        """Tensors [replicas, *shape] by variable of the rows."""
        backend = self.backend
        count = backend.shape(weights)[0]
        parts = backend.split(weights, self.sizes, 1) if len(self.sizes) > 1 else [weights]
        return {
            name: backend.reshape(part, (count,) + shape) for name, part, shape in zip(self.trained, parts, self.shapes)
        }

    def by_variable(self, rows):
        """Arrays [replicas, size of the variable] of an array [replicas, weights]."""
        return dict(zip(self.trained, np.split(rows, np.cumsum(self.sizes)[:-1], axis=1)))

    # Training

    def train(self, state, fixed, batches, first):
        """New state and losses [steps, replicas] after one step for each of ``batches`` [steps, replicas, ...]."""
        with self._compiling:
            if "train" not in self._compiled:
                example = {name: values[0] for name, values in batches.items()}
                self._compiled["train"] = self.backend.compile_loop(self._step, state, fixed, example)
        return self._compiled["train"](state, fixed, batches, first)

    def losses(self, context):
        """What gradients are taken of, summed over everything, and the reported loss [replicas]."""
        backend = self.backend
        graph = self.graph
        evaluate(context, [graph.loss] + graph.penalties)
        total, reported = 0.0, 0.0
        for name in [graph.loss] + graph.penalties:
            value = backend.cast(context.values[name], "float")
            axes = list(range(1, len(backend.shape(value))))
            total = total + backend.reduce("sum", value, [0] + axes, False)
            reported = reported + (backend.reduce("mean", value, axes, False) if axes else value)
        return total, backend.broadcast(reported, (context.replicas,))

    def gradient(self, state, fixed, fed, rows, training, step):
        """``(losses [replicas], new averages, gradient [replicas, weights])``."""

        def function(values):
            context = self.context(training, rows, fed, dict(state, weights=values[0]), fixed, step)
            total, reported = self.losses(context)
            return total, {"losses": reported, "averages": context.new_averages}

        _, extra, (gradient,) = self.backend.gradients(function, [state["weights"]])
        return extra["losses"], extra["averages"], gradient

    def _step(self, state, fixed, batch, index):
        fed = dict(fixed["constants"])
        fed.update(batch)
        losses, averages, gradient = self.gradient(state, fixed, fed, self.batch, True, index)
        weights, slots = self.optimizer.apply(
            state["weights"], gradient, state["slots"], fixed["numbers"], index, self.sizes
        )
        return {"weights": weights, "slots": slots, "averages": averages, "gradient": gradient}, losses

    # Evaluation

    def evaluate(self, state, fixed, fed, rows):
        """NumPy values on ``rows`` rows in evaluation mode: predictions, losses and what activations look like."""
        key = ("evaluate", rows)
        with self._compiling:
            if key not in self._compiled:
                self._compiled[key] = self.backend.compile(self._evaluation(rows), [state, fixed, fed])
        return self._compiled[key]([state, fixed, fed])

    def _evaluation(self, rows):
        def function(tree):
            state, fixed, fed = tree
            fed = dict(fixed["constants_evaluation"], **fed)
            context = self.context(False, rows, fed, state, fixed, self.backend.array(0))
            _, losses = self.losses(context)
            evaluate(context, [self.graph.predictions])
            predictions = self.backend.cast(context.values[self.graph.predictions], "float")
            shape = tuple(self.backend.shape(predictions))
            return {
                "losses": losses,
                "predictions": self.backend.broadcast(predictions, (context.replicas,) + shape[1:]),
                "activations": {name: self._statistics(context, name) for name in self.watched},
            }

        return function

    def _statistics(self, context, name):
        """[replicas, 4]: root mean square, share of zeros, share near a bound, share of units that are always 0."""
        backend = context.backend
        x = context.values[name]
        axes = list(range(1, len(backend.shape(x))))
        node = context.graph.nodes[name]
        zeros = backend.cast(backend.equal(x, backend.array(0.0)), "float")
        low, high = BOUNDS.get(node["function"], (None, None))
        near = backend.array([0.0])
        for bound in (low, high):
            if bound is not None:
                close = backend.cast(backend.unary("abs", x - bound) < NEAR, "float")
                near = near + backend.reduce("mean", close, axes, False)
        dead = zeros
        if len(axes) > 1:
            dead = backend.reduce("min", zeros, axes[:-1], False)
        parts = [
            backend.unary("sqrt", backend.reduce("mean", x * x, axes, False)),
            backend.reduce("mean", zeros, axes, False),
            near,
            backend.reduce("mean", dead, [1] if len(axes) else [], False),
        ]
        count = max(backend.shape(part)[0] for part in parts)
        return backend.stack([backend.broadcast(part, (count,)) for part in parts], 1)

    # Shapes

    def inspect(self, rows, targets=None):
        """``(shapes by node, shapes of moving averages)``; a GraphError names the node that cannot be computed."""
        graph = self.graph
        seeds = np.zeros(1, np.int32)
        variables = {name: zeros_like_node(graph.nodes[name]) for name in graph.variables()}
        fed = {}
        for name in read_sources(graph):
            source = graph.sources[name]
            shape = tuple(rows if size == "N" else int(size) for size in source["shape"])
            fed[name] = np.zeros((1,) + shape, np.int32 if "int" in (source.get("dtype") or "") else np.float32)
        found = {}

        def function(tree):
            variables, seeds, fed = tree
            context = Context(self.backend, graph, True, rows, 1, fed, variables, {}, {}, seeds, self.backend.array(0))
            evaluate(context, targets or [graph.loss, graph.predictions] + graph.penalties)
            found["shapes"] = {name: tuple(self.backend.shape(x)[1:]) for name, x in context.values.items()}
            found["averages"] = context.averages_found

        self.backend.trace(function, [variables, seeds, fed])
        return found["shapes"], found["averages"]


def read_sources(graph):
    return sorted({node["source"] for node in graph.nodes.values() if node["op"] == "source"})


def zeros_like_node(node):
    """[1, *shape] of zeros for a variable."""
    dtype = node.get("dtype", "float32")
    kind = bool if dtype == "bool" else np.int32 if "int" in dtype else np.float32
    return np.zeros((1,) + tuple(int(size) for size in node.get("shape") or ()), kind)


def parameter_count(graph):
    """Numbers in all trainable variables."""
    names = [name for name in graph.variables() if graph.nodes[name].get("trainable", True)]
    return int(sum(np.prod(graph.nodes[name].get("shape") or [1], dtype=np.int64) for name in names))
