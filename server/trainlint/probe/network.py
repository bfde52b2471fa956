"""The network behind a loss as a graph of the experiment format: the replica that a probe trains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.probe import nodes
from trainlint.probe.amounts import Amounts
from trainlint.probe.initial import initial_value
from trainlint.probe.refusal import NotCarried
from trainlint.program.values import ApiObject, Const, Tensor, Unknown, Value
from trainlint.program.weights import constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.probe.experiment import Json
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id

ENTRIES = frozenset(("placeholder", "input"))
"""Kinds that are fed."""

MAX_NODES = 4000
"""A larger graph takes longer to trace than a probe may take."""


class Exporter:
    """Writes the nodes that a loss depends on; `names` are those of the operations."""

    def __init__(self, program: Program, amounts: Amounts) -> None:
        self.program = program
        self.amounts = amounts
        self.nodes: dict[str, Json] = {}
        self.names: dict[Id, str] = {}
        self.entries: dict[str, Operation] = {}
        """What is fed or comes from data, by the name of its node."""
        self.left_out: list[str] = []
        self._counts: dict[str, int] = {}
        self._penalties: dict[Id, str | None] = {}
        self._behind: dict[Id, bool] = {}

    # Walking ----------------------------------------------------------------------------------------------------------

    def write(self, operation: Operation) -> str:
        """The name of an operation's node, written with all that it depends on; raises NotCarried."""
        stack: list[tuple[Operation, Iterator[Value]]] = []
        if operation.id not in self.names:
            stack.append((operation, iter(self._needed(operation))))
        while stack:
            current, rest = stack[-1]
            value = next(rest, None)
            if value is not None:
                found = self.program.operation(value)
                if found is not None and found.id not in self.names:
                    if any(found is waiting for waiting, _ in stack):
                        raise NotCarried("the network feeds itself", found.place)
                    stack.append((found, iter(self._needed(found))))
                continue
            stack.pop()
            if current.id not in self.names:
                self.names[current.id] = self._write_one(current)
                if len(self.nodes) > MAX_NODES:
                    raise NotCarried(f"the network has more than {MAX_NODES} operations", current.place)
        return self.names[operation.id]

    def _needed(self, operation: Operation) -> tuple[Value, ...]:
        """The inputs that are written before an operation; what starts a weight is no part of the graph."""
        if operation.kind == "variable" or self.is_entry(operation):
            return ()
        return operation.inputs

    def is_entry(self, operation: Operation) -> bool:
        """Whether values come in here: what is fed, or data that no weight and no feed has touched."""
        if operation.kind in ENTRIES:
            return True
        if operation.kind in ("variable", "constant"):
            return False
        known = self._behind.get(operation.id)
        if known is None:
            known = self._behind[operation.id] = self._is_made_here(operation)
        return not known and not _is_constant(operation)

    def _is_made_here(self, operation: Operation) -> bool:
        """Whether weights or feeds are behind an operation, or nothing but constants and noise of the graph itself."""
        from_data = False
        for key in self.program.ancestors(operation.id):
            found = self.program.operation(key)
            if found is None:
                continue
            if found.kind == "variable" or found.kind in ENTRIES:
                return True
            is_noise = found.kind == "random" and found.output.library == "tf"
            from_data = from_data or not (found.sources or found.kind == "constant" or is_noise or _is_constant(found))
        return not from_data

    def _write_one(self, operation: Operation) -> str:
        kind = operation.kind
        if self.is_entry(operation):
            name = self.add("source", {"inputs": [], "source": "", "line": 0})
            self.nodes[name]["source"] = name
            self.entries[name] = operation
            return name
        if kind == "variable":
            return self.add("variable", self._variable(operation))
        if kind == "random":
            shape = self.amounts.shape(operation.output.shape, operation.place)
            whole = [size for size in shape if isinstance(size, int)]
            return self.add("random", {"inputs": [], "shape": shape, "initial": initial_value(
                self.program, operation.output, whole)})  # fmt: skip
        if kind == "constant" or _is_constant(operation):
            return self.add("constant", self._constant(operation))
        writer = nodes.WRITERS.get(kind)
        if writer is None:
            name = operation.name or kind
            raise NotCarried(f"`{name}` is not rebuilt", operation.place)
        node = writer(nodes.Writing(self, operation))
        return self.add(str(node.pop("op", kind)), node)

    def add(self, op: str, node: Json) -> str:
        """Puts a node into the graph and gives its name."""
        number = self._counts[op] = self._counts.get(op, 0) + 1
        name = f"{op}-{number}"
        self.nodes[name] = {"op": op, **node}
        return name

    # Values -----------------------------------------------------------------------------------------------------------

    def input(self, value: Value, user: Operation) -> Any:
        """The name of the node that makes a value, or the number that it is."""
        operation = self.program.operation(value)
        if operation is not None:
            return self.write(operation)
        number = constant(value)
        if number is not None and math.isfinite(number):
            return number
        if isinstance(value, Const) and isinstance(value.value, bool):
            return float(value.value)
        reason = value.reason if isinstance(value, Unknown) else ""
        raise NotCarried(reason or "a value in the network is unknown", user.place)

    def leave_out(self, what: str) -> None:
        if what not in self.left_out:
            self.left_out.append(what)

    def _constant(self, operation: Operation) -> Json:
        number = operation.attributes.get("value")
        number = number if isinstance(number, (int, float)) else constant(operation.output)
        if number is None:
            raise NotCarried("a constant of the network is unknown", operation.place)
        node: Json = {"inputs": [], "value": float(number)}
        if operation.output.shape:
            node["shape"] = self.amounts.shape(operation.output.shape, operation.place)
        return node

    def _variable(self, operation: Operation) -> Json:
        shape = self.amounts.shape(operation.output.shape, operation.place, leading=False)
        whole = [size for size in shape if isinstance(size, int)]
        if len(whole) < len(shape):
            raise NotCarried("a weight has the size of a batch", operation.place)
        start = operation.inputs[0] if operation.inputs else None
        try:
            initial = initial_value(self.program, start, whole) if start is not None else None
        except NotCarried as error:
            raise NotCarried(error.reason, operation.place) from None
        if initial is None:
            raise NotCarried("how a weight starts is unknown", operation.place)
        trainable = operation.attributes.get("trainable")
        trainable = trainable.value if isinstance(trainable, Const) else trainable
        label = operation.attributes.get("label")
        label = label.value if isinstance(label, Const) else label
        owner = operation.symbol.name.rsplit(".", 1)[-1] if operation.symbol is not None else ""
        layer = " ".join(str(part) for part in (owner, label) if part) or "variable"
        return {"inputs": [], "shape": whole, "trainable": trainable is not False, "initial": initial, "layer": layer}

    def penalty(self, variable: Operation) -> str | None:
        """The node of what a regularizer adds for a weight; None without one."""
        if variable.id in self._penalties:
            return self._penalties[variable.id]
        amounts = regularization(self.program, variable)
        name = None
        if amounts is not None and any(amounts):
            weight = self.write(variable)
            name = self.add("l1-l2", {"inputs": [weight], "l1": amounts[0], "l2": amounts[1]})
        self._penalties[variable.id] = name
        return name

    # Modes ------------------------------------------------------------------------------------------------------------

    def active(self, training: Any, operation: Operation, default_on: bool = True) -> str:
        """When a layer behaves as in training: "training", "always" or "never"."""
        value = training.value if isinstance(training, Const) else training
        if value is None:
            return "training" if default_on else "never"
        if isinstance(value, bool):
            return "always" if value else "never"
        found = self.program.operation(value) if isinstance(value, Tensor) else None
        if found is not None and found.kind in ENTRIES:
            fed = fed_numbers(self.program, found)
            if fed is not None:
                on, off = fed
                return "always" if on and off else "training" if on else "never"
        self.leave_out("whether a layer knows that it is trained (that it does is taken)")
        return "training"

    def runs_updates(self) -> bool:
        """Whether somebody asks for the updates of batch normalization, which TensorFlow 1 does not run by itself."""
        return any(record.fields.get("collection") == "UPDATE_OPS" for _, record in self.program.objects)


def _is_constant(operation: Operation) -> bool:
    """Whether an operation makes one known number or a tensor full of it."""
    return operation.kind in ("constant", "data", "identity", "cast") and constant(operation.output) is not None


def fed_numbers(program: Program, entry: Operation) -> tuple[float, float] | None:
    """The number that a scalar placeholder is fed with in training, and the one in evaluation."""
    from trainlint.program.training import trains

    training: set[float] = set()
    others: set[float] = set()
    for run in program.runs:
        value = next((feed.value for feed in run.feeds if feed.key is entry.id), None)
        number = _plain(value)
        if value is not None and number is None:
            return None
        if number is not None:
            (training if trains(program, run) else others).add(number)
    default = _plain(entry.attributes.get("default"))
    found = min(training) if training else default
    if found is None:
        number = constant(entry.output)
        found = number if number is not None else None
    if found is None:
        return None
    after = others - training or others
    return found, (max(after) if after else default if default is not None else found)


def _plain(value: Value | None) -> float | None:
    if isinstance(value, Const) and isinstance(value.value, bool):
        return float(value.value)
    return constant(value)


def regularization(program: Program, variable: Operation) -> tuple[float, float] | None:
    """The factors of the sum of absolute values and of the squares that a weight's regularizer adds to the loss."""
    value = variable.attributes.get("regularizer")
    if isinstance(value, Const) and isinstance(value.value, str):
        return {"l1": (0.01, 0.0), "l2": (0.0, 0.01), "l1_l2": (0.01, 0.01)}.get(value.value.lower())
    record = program.object(value)
    if not isinstance(record, ApiObject):
        return None
    name = record.symbol.name.rsplit(".", 1)[-1].lower()
    numbers = {key: _plain(argument.value) for key, argument in record.arguments.items()}
    if name.startswith(("l1_l2", "l1l2")):
        usual = 0.0 if "Regularizer" in record.symbol.name else 0.01
        l1, l2 = numbers.get("l1", numbers.get("scale_l1", usual)), numbers.get("l2", numbers.get("scale_l2", usual))
        return None if l1 is None or l2 is None else (l1, l2)
    for key in ("l1", "l2"):
        if name.startswith(key):
            factor = numbers.get(key, numbers.get("l", numbers.get("scale", 0.01)))
            if factor is None:
                return None
            # TensorFlow's own l2_regularizer halves the sum of the squares.
            half = 0.5 if key == "l2" and name.endswith("_regularizer") else 1.0
            return (factor, 0.0) if key == "l1" else (0.0, factor * half)
    return None
