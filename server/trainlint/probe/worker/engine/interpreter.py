"""Evaluates a graph on tensors whose leading axis counts replicas."""

import zlib

from .errors import Cancelled, GraphError, OutOfDeviceMemory
from .graph import NOTHING
from .operations import OPERATIONS


class Context:
    """What the operations of one pass share.

    ``values`` are the tensors by node, each [replicas or 1, *shape of the node].
    ``averages`` are the moving averages by node, ``new_averages`` those after the pass.
    ``numbers`` holds [replicas] by ``node/attribute``, ``seeds`` [seeds]; replicas are arms x seeds, arm by arm.
    """

    def __init__(self, backend, graph, training, rows, n_arms, fed, variables, averages, numbers, seeds, step):
        self.backend = backend
        self.graph = graph
        self.training = training
        self.rows = rows
        self.n_arms = n_arms
        self.fed = fed
        self.variables = variables
        self.averages = averages
        self.new_averages = dict(averages)
        self.numbers = numbers
        self.seeds = seeds
        self.step = step
        self.values = {}
        # Tensors that stand in for what nodes would compute, and shapes of moving averages that nobody gave.
        self.replaced = {}
        self.averages_found = {}
        self.name = None

    @property
    def replicas(self):
        return self.n_arms * self.backend.shape(self.seeds)[0]

    def is_active(self, node, default="training"):
        """Whether a stretch that depends on the mode does its work in this pass."""
        active = node.get("active", default)
        return active == "always" or (active == "training" and self.training)

    def number(self, node, attribute, default):
        """A tensor [replicas] or [1] of a lifted number, or of the scalar node that gives it."""
        value = node.get(attribute, default)
        if isinstance(value, str):
            found = self.values[value]
            return self.backend.reshape(found, (self.backend.shape(found)[0],))
        lifted = self.numbers.get("{}/{}".format(self.name, attribute))
        if lifted is not None:
            return lifted
        return self.backend.array([float(default if value is None else value)])

    def noise(self, distribution, shape, key=""):
        """Fresh noise [replicas, *shape]; replicas of one seed share it, and so do arms."""
        draw = self.backend.uniform if distribution == "uniform" else self.backend.normal
        code = zlib.crc32((self.name + key).encode("utf-8")) & 0x7FFFFFFF
        drawn = draw(self.seeds, code, self.step, tuple(shape))
        return drawn if self.n_arms == 1 else self.backend.concat([drawn] * self.n_arms, 0)

    def sized(self, shape):
        """``shape`` with the number of rows in place of ``"N"``."""
        return tuple(self.rows if size == "N" else size for size in shape)


def evaluate(context, targets):
    """Fills ``context.values`` with ``targets`` and all that they need."""
    wanted = context.graph.behind(targets)
    for name in context.graph.order:
        if name not in wanted:
            continue
        if name in context.replaced:
            context.values[name] = context.replaced[name]
            continue
        context.values[name] = _computed(context, name)


def _computed(context, name):
    node = context.graph.nodes[name]
    operation = OPERATIONS.get(node["op"])
    if operation is None:
        raise GraphError('the probe does not know the operation "{}"{}'.format(node["op"], _place(node)))
    context.name = name
    inputs = [_operand(context, one) for one in node.get("inputs") or ()]
    try:
        return operation(context, node, inputs)
    except (Cancelled, GraphError, OutOfDeviceMemory):
        raise
    except Exception as error:
        shapes = ", ".join("-" if one is None else str(list(context.backend.shape(one)[1:])) for one in inputs)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise GraphError(
            'node "{}" ({}{}) cannot be computed from inputs of shape {}: {}'.format(
                name, node["op"], _place(node), shapes or "nothing", reason[:300]
            )
        ) from error


def _operand(context, one):
    if one is None or one == NOTHING:
        return None
    if isinstance(one, str):
        return context.values[one]
    return context.backend.array([one])


def _place(node):
    return " in line {}".format(node["line"]) if node.get("line") else ""
