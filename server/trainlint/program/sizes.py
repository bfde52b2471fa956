"""How large the values of a network are before the first training step.

The second moment of what flows forward: `z^2 = n v r^2 / keep` after a layer of fan-in n whose weights have the second
moment v (He et al., arXiv:1502.01852), then the share of it that the activation lets through.
Measured on a network of 64 ReLU units with dropout, the formula tells 500, 31, 4.1 and .5 for weights of spread 1, .5,
.3 and He's; the logits were half of that in each case.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.program.dims import Dim, Symbol
from trainlint.program.recurrence import state_rms
from trainlint.program.replaced import replaced
from trainlint.program.values import Const, Id, Tensor, Unknown, Value
from trainlint.program.weights import adapted, constant, drawn, kernel_of, kernel_side, weight_of
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.recall import Changes

RELU_LIKE = frozenset(
    ("relu", "relu6", "elu", "gelu", "silu", "leaky_relu", "selu", "mish", "crelu", "prelu", "softplus", "celu")
)
SATURATING = frozenset(("sigmoid", "tanh", "hard_sigmoid", "softsign", "hard_tanh"))
SIGMOIDS = frozenset(("sigmoid", "hard_sigmoid"))

ASSUMED_FAN_IN = 16
"""What a layer of unknown width is taken to have at least; the severity goes down one step for it."""

PASSING = frozenset(
    (
        "reshape",
        "flatten",
        "expand",
        "squeeze",
        "identity",
        "cast",
        "transpose",
        "stop-gradient",
        "slice",
        "gather",
        "split",
        "tile",
        "pad",
        "resize",
        "pool",
        "negative",
        "abs",
        "clip",
        "round",
    )
)
"""Kinds that change the size of values little or not at all."""

_FOLLOWING = PASSING | {"add", "subtract", "multiply", "divide", "dropout"}
"""Kinds between a product and its activation."""

_WEIGHTED = ("matmul", "convolution")
_PERIODIC = ("sin", "cos")
"""Waves of a network with sines (Sitzmann et al. 2020): the size of their arguments is the frequency that is meant."""

_NO_USE = frozenset(("train", "gradient", "opaque", "group", "initializer", "assign", "regularization", "metric"))
_REPEAT = 3

AVERAGED = 0.5
"""Share of the size that a mean over the steps of a sequence leaves: .55 of an LSTM's outputs over 30 steps; equal
values keep theirs, independent ones less."""

MUCH_LARGER = 1.5
"""From here on, what is told for inputs of rms 1 is a wrong figure for the program."""


class Size(Record):
    """The rms of a tensor: `known` with what is known of the inputs, `relative` with inputs of rms 1.

    None where it can't be told. `weighted` when weights of the network are part of it.
    """

    known: float | None
    relative: float | None
    weighted: bool = False

    def scaled(self, factor: float | None) -> Size:
        if factor is None:
            return Size(None, None, self.weighted)
        return Size(_times(self.known, factor), _times(self.relative, factor), self.weighted)


class LayerSize(Record, eq=False):
    """A matrix product or convolution with weights of the program, as it starts.

    `spread` is the rms of the weights as they are used, `recommended` what He (ReLU-like, hidden) or Glorot gives.
    `assumed` says in words what was taken for the fan-in, empty when it is known.
    `size` is the rms of the product with the inputs as they are known, `relative` for inputs of rms 1, `gain` the
    growth from the layer's input to its activated output, `keep` the smallest share that dropout leaves of the input.
    """

    operation: Operation
    kernel: Operation
    source: Operation | None
    fan_in: int
    fan_out: int | None
    assumed: str
    spread: float
    recommended: float
    activation: str
    hidden: bool
    normalized: bool
    one_hot: bool
    size: float | None
    relative: float | None
    gain: float | None
    keep: float

    @property
    def ratio(self) -> float:
        """How many times larger the weights are than recommended."""
        return self.spread / self.recommended

    @property
    def least(self) -> float | None:
        """The rms of the product that does not come from large inputs alone."""
        if self.relative is None or self.size is None:
            return None
        return min(self.size, self.relative)

    @property
    def enlarged(self) -> bool:
        """Whether the product is much larger with the inputs as they are known than with inputs of rms 1."""
        return self.size is not None and self.relative is not None and self.size > MUCH_LARGER * self.relative

    @property
    def excess(self) -> float:
        """The layer's own growth of the variance's root: 1 for He before a ReLU."""
        return math.sqrt(self.fan_in) * self.spread * (math.sqrt(0.5) if self.activation in RELU_LIKE else 1.0)


class Sizes:
    """The sizes of all operations of a program, and its layers in order."""

    def __init__(
        self, program: Program, repaired: frozenset[Id] = frozenset(), kept: tuple[Sizes, Changes] | None = None
    ) -> None:
        """`repaired` are products whose weights count as drawn with the recommended spread.

        What does not depend on the changes since other sizes is taken over from these, if they are `kept`.
        """
        self._prepare(program, repaired)
        if kept is not None:
            old, changes = kept
            stale = self._stale(old, changes)
            self.of.update((key, size) for key, size in old.of.items() if key not in stale)
            self.layer_of.update((key, layer) for key, layer in old.layer_of.items() if key not in stale)
        self._compute_all()

    @classmethod
    def renewed(cls, program: Program, old: Sizes, changes: Changes) -> Sizes:
        """The sizes of a program, computed again for what depends on what is different from another one."""
        return cls(program, kept=(old, changes))

    def _prepare(self, program: Program, repaired: frozenset[Id]) -> None:
        self.program = program
        self._repaired = repaired
        self._repairs: dict[frozenset[Id], Sizes] = {}
        self.of: dict[Id, Size] = {}
        self.layers: list[LayerSize] = []
        self.layer_of: dict[Id, LayerSize] = {}
        self._replaced = replaced(program)
        # Every product with weights, also those whose size can't be told.
        self.products = tuple(o for o in program.of_kind(*_WEIGHTED) if kernel_of(program, o) is not None)
        self._hidden = self._before((*self.products, *program.of_kind("recurrent", "attention")))
        self._normalized = self._before(
            (
                *(o for o in program.of_kind("normalization") if o.attributes.get("form") != "local"),
                *(o for o in program.of_kind("divide", "multiply") if _standardises(program, o)),
            )
        )
        self._final: dict[Id, LayerSize] | None = None

    def _compute_all(self) -> None:
        # In order, so that the recursion stays flat; what no layer takes is computed when somebody asks.
        for operation in self.program.operations:
            if operation.kind in _WEIGHTED:
                known = self.layer_of.get(operation.id)
                if known is not None:
                    self.layers.append(known)
                else:
                    self.size(operation.output)
            elif operation.id in self._hidden and operation.id not in self.of:
                self.size(operation.output)

    def _stale(self, old: Sizes, changes: Changes) -> set[Id]:
        """What is to be computed again: all behind a change, or behind a product whose activation may have changed."""
        program = self.program
        moved = {*changes.ids, *(self._hidden ^ old._hidden), *(self._normalized ^ old._normalized)}
        seeds = {*changes.above, *moved, *(self._replaced ^ old._replaced)}
        for dropout in program.of_kind("dropout"):
            # Its share is no input of it.
            for name in ("keep", "rate"):
                share = dropout.attributes.get(name)
                if isinstance(share, Tensor) and share.op in changes.ids:
                    seeds.add(dropout.id)
        moved.update(o.id for o in program.of_kind("multiply", "divide") if o.id in changes.above)
        # Back to the products that look as far for the activation that follows.
        stack = list(moved)
        while stack:
            key = stack.pop()
            for operation in (program.operation(key), old.program.operation(key)):
                for producer in program.producers(operation) if operation is not None else ():
                    if producer.kind in _WEIGHTED:
                        seeds.add(producer.id)
                    elif producer.kind in _FOLLOWING and producer.id not in moved:
                        moved.add(producer.id)
                        stack.append(producer.id)
        stale = set(seeds)
        waiting = list(seeds)
        while waiting:
            for user in program.consumers(waiting.pop()):
                if user.id not in stale:
                    stale.add(user.id)
                    waiting.append(user.id)
        return stale

    def size(self, value: Value | None) -> Size:
        """The size of a tensor; inputs that nothing is known of count as rms 1, and not what a call gives."""
        if isinstance(value, Unknown) and value.origin is None:
            return Size(None, None, True)
        if not isinstance(value, Tensor):
            return Size(1.0, 1.0)
        if value.op is None:
            return Size(_entering(value), 1.0)
        found = self.of.get(value.op)
        if found is None:
            operation = self.program.operation(value)
            if operation is None:
                return Size(_entering(value), 1.0)
            # Also operations of a surrounding module are computed here, and a cycle ends.
            self.of[value.op] = Size(None, None)
            found = self.of[value.op] = self._compute(operation)
        return found

    def outlook(self, layer: LayerSize) -> float | None:
        """The largest size of the last products that a layer feeds, its own when it is the last."""
        last = self.last(layer)
        return None if last is None else last.least

    def last(self, layer: LayerSize) -> LayerSize | None:
        """The largest of the last layers that a layer feeds, itself when it is the last."""
        if self._final is None:
            self._final = {}
            for operation in reversed(self.program.operations):
                own = self.layer_of.get(operation.id)
                final = self._final.get(operation.id)
                if own is not None and not own.hidden:
                    final = None if own.least is None else own
                    if final is not None:
                        self._final[operation.id] = final
                if final is None:
                    continue
                # What a recurrent layer or the kernel passes on is no part of the forward pass that is followed here.
                for value in operation.inputs:
                    if isinstance(value, Tensor) and value.op is not None:
                        known = self._final.get(value.op)
                        if known is None or (known.least or 0.0) < (final.least or 0.0):
                            self._final[value.op] = final
        return self._final.get(layer.operation.id)

    def repaired(self, ids: frozenset[Id]) -> Sizes:
        """The same program where the weights of some products were drawn with the recommended spread."""
        found = self._repairs.get(ids)
        if found is None:
            found = self._repairs[ids] = Sizes(self.program, ids)
        return found

    def _before(self, operations: Iterable[Operation]) -> frozenset[Id]:
        """All operations that the first inputs of some operations depend on."""
        first = {o.inputs[0].op for o in operations if o.inputs and isinstance(o.inputs[0], Tensor)}
        return self.program.all_ancestors(key for key in first if key is not None)

    def _compute(self, operation: Operation) -> Size:
        kind = operation.kind
        if kind == "variable":
            rms = None if operation.id in self._replaced else operation.output.rms
            return Size(rms, rms, True)
        inputs = [self.size(value) for value in operation.inputs]
        if kind in _WEIGHTED:
            kernel = kernel_of(self.program, operation)
            if kernel is not None:
                return self._layer(operation, kernel)
        if kind == "embedding":
            table = inputs[1] if len(inputs) > 1 else Size(None, None)
            return Size(table.known, table.known, True)
        if kind == "recurrent":
            entering = inputs[0] if inputs else Size(None, None)
            return Size(state_rms(operation, entering.known), state_rms(operation, entering.relative), True)
        if kind == "opaque":
            return Size(None, None, True)  # code that is not followed makes it large or small
        if not any(size.weighted for size in inputs):
            return Size(_entering(operation.output), 1.0)
        if kind == "normalization":
            if operation.attributes.get("form") == "unit" and operation.output.rms is not None:
                return Size(operation.output.rms, operation.output.rms, True)
            if operation.attributes.get("form") == "local":
                return Size(_divided(operation, inputs[0].known), _divided(operation, inputs[0].relative), True)
            return Size(1.0, 1.0, True)
        if kind in PASSING:
            return inputs[0]
        if kind == "dropout":
            return inputs[0].scaled(1 / math.sqrt(kept(self.program, operation)))
        if kind == "activation":
            function = operation.attributes.get("function")
            size = inputs[0]
            return Size(
                activated(function, size.known, operation.output),
                activated(function, size.relative, operation.output),
                True,
            )
        if kind in ("add", "subtract"):
            return Size(_hypot([s.known for s in inputs]), _hypot([s.relative for s in inputs]), True)
        if kind in ("multiply", "divide") and len(inputs) == 2:
            if _standardises(self.program, operation):
                return Size(1.0, 1.0, True)
            return self._scaled(operation, inputs)
        if kind in ("concat", "stack"):
            return _joined(operation, inputs)
        if kind in ("maximum", "minimum") and len(inputs) == 2:
            size = inputs[0] if inputs[0].weighted else inputs[1]
            return size.scaled(math.sqrt(0.5))
        if kind == "square":
            return Size(_times(inputs[0].known, inputs[0].known), _times(inputs[0].relative, inputs[0].relative), True)
        if kind == "reduce" and operation.attributes.get("how") in ("max", "min", "mean"):
            return inputs[0]
        averaged = self._averaged(operation)
        return Size(None, None, True) if averaged is None else self.size(averaged).scaled(AVERAGED)

    def _averaged(self, operation: Operation) -> Value | None:
        """What an operation takes a weighted mean of, which is no larger: attention sums values times a softmax."""
        if operation.kind == "reduce" and operation.attributes.get("how") == "sum":
            inner = self.program.operation(operation.inputs[0])
            if inner is None or inner.kind != "multiply":
                return None
            operation = inner
        elif operation.kind != "matmul":
            return None
        if len(operation.inputs) != 2:
            return None
        for shares, values in (operation.inputs, operation.inputs[::-1]):
            source = self.program.source(shares)
            if source is not None and source.kind == "activation" and source.attributes.get("function") == "softmax":
                return values
        return None

    def _scaled(self, operation: Operation, inputs: list[Size]) -> Size:
        for index, other in ((0, 1), (1, 0)):
            factor = constant(operation.inputs[other])
            if not inputs[other].weighted:
                if operation.kind == "divide" and other == 0:
                    break
                value = operation.inputs[other]
                if factor is None and isinstance(value, Tensor) and value.values == (0.0, 1.0):
                    return inputs[index]
                if factor is None or (operation.kind == "divide" and factor == 0):
                    return Size(None, None, True)
                return inputs[index].scaled(abs(1 / factor if operation.kind == "divide" else factor))
        if operation.kind == "multiply":
            a, b = inputs
            return Size(_times(a.known, b.known), _times(a.relative, b.relative), True)
        return Size(None, None, True)

    def _layer(self, operation: Operation, kernel: Operation) -> Size:
        transposed = (
            weight_of(self.program, operation.inputs[0]) is kernel and kernel_side(self.program, operation) == 0
        )
        operand = operation.inputs[1 if transposed else 0]
        weights = operation.inputs[0 if transposed else 1]
        entering = self.size(operand)
        fan_in, fan_out, assumed = self._fans(operation, operand, weights, transposed)
        if kernel.id in self._replaced:
            return Size(None, None, True)
        rms = weights.rms if isinstance(weights, Tensor) else None
        source = drawn(self.program, kernel)
        second = rms * rms if rms is not None else adapted(source, fan_in, fan_out)
        if second is None:
            return Size(None, None, True)
        scale, activation = self._behind(operation)
        if scale is None:
            return Size(None, None, True)
        hidden = operation.id in self._hidden
        # Glorot's spread shrinks with the number of outputs for the gradient's sake; forward, 1 / fan-in is enough.
        glorot = max(2 / (fan_in + (fan_out or 1)), 1 / fan_in)
        recommended = math.sqrt(2 / fan_in if hidden and activation in RELU_LIKE else glorot)
        if operation.id in self._repaired and scale:
            second = (recommended / scale) ** 2
        root = math.sqrt(fan_in * second)
        product = Size(_times(entering.known, root), _times(entering.relative, root), True)
        spread = math.sqrt(second) * scale
        relative = _times(product.relative, scale)
        gain = None
        # A sigmoid gives values around one half whatever goes in: what comes out is no growth of what goes in.
        if relative is not None and entering.relative and activation not in SIGMOIDS:
            leaving = activated(activation, relative, operation.output)
            gain = None if leaving is None else leaving / entering.relative
        layer = LayerSize(
            operation,
            kernel,
            source,
            fan_in,
            fan_out,
            assumed,
            spread,
            recommended,
            activation,
            hidden,
            operation.id in self._normalized,
            isinstance(operand, Tensor) and _one_hot(self.program, operand),
            _times(product.known, scale),
            relative,
            gain,
            self._kept_before(operand),
        )
        self.layers.append(layer)
        self.layer_of[operation.id] = layer
        return product

    def _fans(
        self, operation: Operation, operand: Value, weights: Value, transposed: bool
    ) -> tuple[int, int | None, str]:
        fan_in: Dim = operation.attributes.get("fan_in")
        fan_out: Dim = operation.attributes.get("fan_out")
        shape = weights.shape if isinstance(weights, Tensor) else None
        if transposed and shape is not None and len(shape) == 2:
            fan_in, fan_out = shape[1], shape[0]
        if not isinstance(fan_in, int) and operation.kind == "matmul" and isinstance(operand, Tensor) and operand.shape:
            last = operand.shape[0 if transposed else -1]
            fan_in = last if isinstance(last, int) else fan_in
        out = fan_out if isinstance(fan_out, int) else None
        if isinstance(fan_in, int) and fan_in > 0:
            return fan_in, out, ""
        name = f"`{fan_in.name}`" if isinstance(fan_in, Symbol) else "the number of inputs"
        return ASSUMED_FAN_IN, out, f"{name} is at least {ASSUMED_FAN_IN}"

    def _is_set_scale(self, value: Tensor) -> bool:
        """Whether a factor is a variable that is not trained, or is set: it holds what the weights are scaled by."""
        made = self.program.source(value, PASSING)
        return (
            made is not None
            and made.kind == "variable"
            and (made.attributes.get("trainable") is False or made.id in self._replaced)
        )

    def _behind(self, operation: Operation) -> tuple[float | None, str]:
        """The constant factor that scales a product, and the activation behind it ("linear" for none).

        The factor is None when the product is scaled by something unknown.
        """
        scale = 1.0
        current = operation
        for _ in range(16):
            users = [user for user in self.program.consumers(current.id) if user.kind not in _NO_USE]
            if any(user.kind == "normalization" for user in users):
                return scale, "linear"
            if any(user.name.rsplit(".", 1)[-1] in _PERIODIC for user in users):
                return None, ""
            functions = [u for u in users if u.kind == "activation"]
            onward = [u for u in functions if u.id in self._hidden] or functions
            if onward:
                # Of logits, only the softmax for predictions follows as an operation; the loss takes them as they are.
                if any(u.kind == "loss" for u in users):
                    return scale, "linear"
                return scale, str(onward[0].attributes.get("function") or "")
            following = [u for u in users if u.kind in _FOLLOWING]
            bent = any(u.kind in ("maximum", "minimum") for u in users)
            if not following:
                return scale, "relu" if bent else "linear"
            # A leaky ReLU written out: `maximum(0.1 * x, x)` or `0.6 * x + 0.4 * abs(x)`.
            if following[0].kind == "multiply" and (bent or any(u.kind == "abs" for u in users)):
                return scale, "relu"
            previous, current = current, following[0]
            if current.kind in ("multiply", "divide") and len(current.inputs) == 2:
                first = current.inputs[0]
                index = 0 if isinstance(first, Tensor) and first.op is previous.id else 1
                other = current.inputs[1 - index]
                if isinstance(other, Tensor) and self._is_set_scale(other):
                    return None, ""
                if self.program.variables(other):
                    return scale, "linear"
                factor = constant(other)
                if factor is None or (current.kind == "divide" and (factor == 0 or index == 1)):
                    return None, ""
                scale *= abs(1 / factor if current.kind == "divide" else factor)
                if scale > 1:
                    return None, ""  # a temperature: what is large then is not the weights
        return scale, "linear"

    def _kept_before(self, value: Value) -> float:
        operation = self.program.operation(value)
        for _ in range(_REPEAT):
            if operation is None:
                return 1.0
            if operation.kind == "dropout":
                return kept(self.program, operation)
            if operation.kind not in PASSING or not operation.inputs:
                return 1.0
            operation = self.program.operation(operation.inputs[0])
        return 1.0


def sizes(program: Program) -> Sizes:
    """The sizes of a program, computed once."""
    result: Sizes = program.once(f"{__name__}.sizes", Sizes, renew=Sizes.renewed)
    return result


def _standardises(program: Program, operation: Operation) -> bool:
    """Whether a normalization is written out: a tensor less its own mean, divided by the root of its own variance."""
    difference = program.operation(operation.inputs[0]) if len(operation.inputs) == 2 else None
    if difference is None or difference.kind != "subtract" or len(difference.inputs) != 2:
        return False
    given = difference.inputs[0]
    mean = program.operation(difference.inputs[1])
    if mean is None or mean.kind != "reduce" or mean.attributes.get("how") != "mean" or mean.inputs[:1] != (given,):
        return False
    behind = (program.operation(key) for key in program.ancestors(operation.inputs[1]))
    return any(
        o is not None and o.kind == "reduce" and o.attributes.get("how") in ("var", "std") and o.inputs[:1] == (given,)
        for o in behind
    )


def _divided(operation: Operation, size: float | None) -> float | None:
    """The rms behind a local response normalization: x / (bias + alpha * sum of the neighbours' squares) ** beta."""
    values = [operation.attributes.get(name) for name in ("depth_radius", "bias", "alpha", "beta")]
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    channels = operation.output.shape[-1] if operation.output.shape else None
    if size is None or len(numbers) < len(values):
        return None
    radius, bias, alpha, beta = numbers
    neighbours = min(2 * radius + 1, channels) if isinstance(channels, int) else 2 * radius + 1
    divisor = bias + alpha * neighbours * size**2
    return size / divisor**beta if divisor > 0 else None


def _entering(tensor: Tensor) -> float:
    """The rms of inputs: 1 where it is not known, or less where the bounds of their values are narrower."""
    if tensor.rms is not None:
        return tensor.rms
    return 1.0 if tensor.interval is None else min(1.0, max(map(abs, tensor.interval)))


def guessed(program: Program, layer: LayerSize) -> tuple[str, ...]:
    """What was taken for granted about the inputs that a layer's values come from: a size of 1 where none is known."""
    behind = program.ancestors(layer.operation.id)
    found: dict[str, None] = {}
    for product in program.of_kind(*_WEIGHTED, "recurrent"):
        if product.id not in behind or not product.inputs:
            continue
        side = kernel_side(program, product) if product.kind != "recurrent" and len(product.inputs) > 1 else 1
        value = product.inputs[1 if side == 0 else 0]
        source = program.source(value, _SHAPED)
        given = value if source is None else source.output
        if isinstance(given, Tensor) and given.rms is None and not sizes(program).size(given).weighted:
            found["the inputs have a size of about 1"] = None
    return tuple(found)


_SHAPED = PASSING | {"dropout"}


def activated(function: object, size: float | None, tensor: Tensor) -> float | None:
    """The rms behind an activation whose input has a normal distribution of a given rms."""
    if function == "softmax":
        last = tensor.shape[-1] if tensor.shape else None
        return 1 / math.sqrt(last) if isinstance(last, int) and last > 0 else None
    if size is None:
        return None
    curve = _CURVES.get(str(function))
    if curve is not None:
        return math.sqrt(sum(weight * curve(size * point) ** 2 for point, weight in _POINTS))
    if function in RELU_LIKE:
        return size * math.sqrt(0.5)
    if function in ("sigmoid", "hard_sigmoid"):
        return _sigmoid(size)
    if function in ("tanh", "softsign", "hard_tanh"):
        # tanh(x) = 2 sigmoid(2x) - 1, and the mean of the sigmoid is one half.
        return math.sqrt(max(4 * _sigmoid(2 * size) ** 2 - 1, 0.0))
    return size if function == "linear" else None


_POINTS = tuple((z / 8, math.exp(-z * z / 128) / (8 * math.sqrt(2 * math.pi))) for z in range(-40, 41))
"""Values of a standard normal distribution up to 5, each with its share."""

_CURVES: dict[str, Callable[[float], float]] = {
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "selu": lambda z: 1.0507 * (z if z > 0 else 1.67326 * math.expm1(z)),
    "softplus": lambda z: z if z > 30 else math.log1p(math.exp(z)),
    "gelu": lambda z: z * 0.5 * math.erfc(-z / math.sqrt(2)),
    "silu": lambda z: z / (1 + math.exp(-z)) if z > -30 else 0.0,
}
"""Rectifiers that are no straight line below 0, so that what goes through depends on how large it is."""


def _sigmoid(size: float) -> float:
    """The rms of a sigmoid of a normal variable, by the probit approximation: between .5 and .71."""
    spread = math.pi / 8 * size * size
    return math.sqrt(0.25 + math.asin(spread / (1 + spread)) / (2 * math.pi))


def kept(program: Program, operation: Operation) -> float:
    """The smallest share of its input that a dropout leaves, 1 when it is off or nothing is known."""
    training = operation.attributes.get("training")
    if (isinstance(training, Const) and training.value is False) or operation.attributes.get("idle"):
        return 1.0
    low = _bound(program, operation.attributes.get("keep"), "low")
    if low is None:
        high = _bound(program, operation.attributes.get("rate"), "high")
        low = None if high is None else 1 - high
    return low if low is not None and 0 < low <= 1 else 1.0


def _bound(program: Program, value: object, which: str) -> float | None:
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return float(value.value)
    if isinstance(value, Tensor):
        tensor = program.tensor(value)
        return getattr(tensor, which)
    return None


def _one_hot(program: Program, operand: Tensor) -> bool:
    source = program.source(operand)
    return operand.encoding == "one-hot" or (source is not None and source.output.encoding == "one-hot")


def _joined(operation: Operation, inputs: list[Size]) -> Size:
    """The size of a concatenation: the mean square, each part counted by its width."""
    tensors = [value for value in operation.inputs if isinstance(value, Tensor)]
    if len(tensors) != len(inputs):
        return Size(None, None, True)
    widths = [t.shape[-1] if t.shape else None for t in tensors]
    weights = [w if isinstance(w, int) and all(isinstance(x, int) for x in widths) else 1 for w in widths]
    total = sum(weights)
    if not total:
        return Size(None, None, True)
    parts = []
    for sizes_ in ([s.known for s in inputs], [s.relative for s in inputs]):
        known = [size for size in sizes_ if size is not None]
        mean = sum(w * s * s for w, s in zip(weights, known)) / total
        parts.append(math.sqrt(mean) if len(known) == len(sizes_) else None)
    return Size(parts[0], parts[1], True)


def _times(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _hypot(sizes_: list[float | None]) -> float | None:
    known = [size for size in sizes_ if size is not None]
    return math.hypot(*known) if len(known) == len(sizes_) else None


__all__ = ["LayerSize", "Size", "Sizes", "guessed", "sizes"]
