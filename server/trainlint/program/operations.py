"""Operations: the edges of the dataflow graph that the program builds.

Layers are lowered to the same operations that a program in raw TensorFlow would use (a `Dense` layer is a matmul, an
addition of its bias and an activation), so that a rule is written once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainlint.program.values import HOLDERS, Tensor, Unknown
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.values import Argument, Frame, Id, Value
    from trainlint.source.code import Place
    from trainlint.tfapi import Symbol

KINDS = frozenset({
    # sources
    "placeholder", "input", "variable", "constant", "random", "data",
    # layers with weights
    "matmul", "convolution", "embedding", "recurrent", "attention",
    # elementwise
    "add", "subtract", "multiply", "divide", "floordivide", "modulo", "power", "negative", "squared-difference",
    "square", "sqrt", "exp", "log", "abs", "maximum", "minimum", "round", "floor", "ceil", "sign", "clip",
    "compare", "logical", "select", "cast", "activation", "elementwise",
    # shapes
    "reshape", "flatten", "transpose", "expand", "squeeze", "concat", "stack", "split", "slice", "gather", "tile",
    "pad", "resize", "one-hot", "argmax", "reduce", "pool", "in-top-k",
    # training
    "dropout", "normalization", "loss", "metric", "regularization", "gradient", "train", "initializer", "assign",
    "identity", "stop-gradient", "group", "opaque",
})  # fmt: skip
"""The closed vocabulary of `Operation.kind`. `attributes` holds what the kind needs:

- random: `distribution` ("normal", "truncated", "uniform", ...) with `mean`, `stddev`, `low`, `high`, `keep`
- variable: `trainable`, `regularizer`, `name`; its initial value is inputs[0]
- matmul, convolution: `fan_in`, `fan_out`; inputs are (activation, kernel)
- activation: `function` ("relu", "sigmoid", "softmax", ...), `axis` for softmax
- reduce: `how` ("mean", "sum", "max", "min", "prod", "any", "all", "std"), `axis` (None: all), `keepdims`
- dropout: `keep` and `rate` (values, one may be unknown), `training` (value), `noise_shape`, `idle` (drops nothing)
- loss: `function` (canonical, such as "softmax-cross-entropy"), `from_logits`, `labels`, `predictions`, `reduction`
- metric: `metric` (its name), `labels`, `predictions`, `form` ("object", "v1"), `object` and its `created` arguments
- reshape: `target`, the shape that is asked for, -1 included (None: unknown; without the batch for a layer)
- transpose: `order`; expand: `axis`; split: `axis`, `number` or `sizes`; tile: `factors`; pad: `axes`, how many
- identity: `asserted`, the shape that `set_shape` or `ensure_shape` states; slice: `index`
- compare: `operator`; cast: `dtype`; normalization: `axis`, `training`, `form` ("batch", "layer")
- train: `optimizer` (Ref), `loss`; assign: `variable`
"""


_HOLDERS = HOLDERS - {Tensor}

_UNCOMPUTED = frozenset((
    "placeholder", "input", "variable", "constant", "random", "data",
    "metric", "regularization", "gradient", "train", "initializer", "assign", "group",
))  # fmt: skip
"""Kinds that may take what is no tensor, or whose result goes into no other."""


UNTOLD = (("open",), True)
"""The condition of code that runs in some rounds or for some data only, under a test that nothing is known of."""


class Context(Record):
    """Around an operation: which loops, inside which gradient tape, and which calls led there.

    `loops` are the places of the loops whose rounds are run as one, the outermost first, those of callers included.
    `conditions` are the open tests (key, outcome) that it stands under: a world that decides one of them otherwise
    does not have the operation.
    """

    loops: tuple[Place, ...] = ()
    tape: Id | None = None
    calls: tuple[Place, ...] = ()
    function: str = ""
    conditions: tuple[tuple[Hashable, bool], ...] = ()
    guarded: bool = False
    """Whether an error is expected here: under a `try` that catches it, or under `assertRaises`."""
    graph: tuple[Place, ...] | None = None
    """The calls that lead to the innermost function around it that `tf.function` makes a graph of; None outside."""

    @property
    def loop(self) -> int:
        """How deep in loops it is."""
        return len(self.loops)


class Operation(Record):
    id: Id
    kind: str
    name: str
    inputs: tuple[Value, ...]
    output: Tensor
    place: Place
    arguments: Mapping[str, Argument] = {}
    attributes: Mapping[str, Any] = {}
    symbol: Symbol | None = None
    layer: Id | None = None
    context: Context = Context()

    __derived__ = ("_sources", "_held", "_loses_edges", "_places")
    if TYPE_CHECKING:
        _sources: tuple[Id, ...]
        _held: tuple[Value, ...]
        _loses_edges: bool
        _places: tuple[Place, ...]

    @property
    def sources(self) -> tuple[Id, ...]:
        """The operations whose results are inputs, each once.

        Rules follow the graph over and over, and after an edit most operations are still the same objects.
        """
        try:
            return self._sources
        except AttributeError:
            found = tuple(dict.fromkeys([v.op for v in self.inputs if type(v) is Tensor and v.op is not None]))
            self._sources = found
            return found

    @property
    def held(self) -> tuple[Value, ...]:
        """The inputs, arguments and attributes that are tensors or can hold some, but for direct inputs."""
        try:
            return self._held
        except AttributeError:
            values = [value for value in self.inputs if type(value) in _HOLDERS]
            values += [a.value for a in self.arguments.values() if type(a.value) in HOLDERS]
            values += [value for value in self.attributes.values() if type(value) in HOLDERS]
            direct = set(self.sources)
            found = tuple([v for v in values if type(v) is not Tensor or (v.op is not None and v.op not in direct)])
            self._held = found
            return found

    @property
    def loses_edges(self) -> bool:
        """Whether it computes with something whose origin is not known, which may be any other operation."""
        try:
            return self._loses_edges
        except AttributeError:
            # What NumPy computes with is data: a part of a graph cannot come from there.
            computed = self.kind not in _UNCOMPUTED and not self.name.startswith("np.")
            found = type(self.attributes.get("loss")) is Unknown or any(
                (type(v) is Tensor and v.op is None and v.library == "tf") or (computed and type(v) is Unknown)
                for v in self.inputs
            )
            self._loses_edges = found
            return found

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it and its arguments are written."""
        try:
            return self._places
        except AttributeError:
            found = (self.place, *(a.place for a in self.arguments.values() if a.place is not None))
            self._places = found
            return found

    def argument(self, name: str) -> Argument | None:
        return self.arguments.get(name)


def frames(operation: Operation) -> Iterator[Frame]:
    """The activations of functions that an operation is computed in, the innermost first."""
    frame: Frame | None = operation.id.frame
    while frame is not None:
        yield frame
        frame = frame.parent
