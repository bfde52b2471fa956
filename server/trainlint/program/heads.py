"""Where scores and probabilities come from and where they go: questions that rules on activations and losses share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from trainlint.program.masks import WEIGHTED
from trainlint.program.program import SHAPING, Program
from trainlint.program.values import ApiObject, Argument, Const, DictRecord, Id, Ref, Tensor, Tuple, Unknown, Value
from trainlint.program.weights import kernel_of

if TYPE_CHECKING:
    from trainlint.program.dims import Dim
    from trainlint.program.events import Feed
    from trainlint.program.operations import Operation
    from trainlint.source.code import Place

PICKING = SHAPING | {"slice", "gather", "split"}
"""Kinds whose result holds values of their first input and no others."""

ADAPTIVE = ("Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "RMSProp", "Adadelta", "Adagrad", "Lion", "Ftrl")
PLAIN = ("SGD", "GradientDescent", "Momentum")
"""Optimizers that take the gradient as it is."""

_NAMES = {
    "softmax-cross-entropy": "categorical cross-entropy",
    "sparse-softmax-cross-entropy": "sparse categorical cross-entropy",
    "sigmoid-cross-entropy": "binary cross-entropy",
    "kl-divergence": "Kullback-Leibler divergence",
    "focal": "focal cross-entropy",
}


def activation_behind(program: Program, value: Value) -> Operation | None:
    """The activation whose values a tensor holds, looked for through shapes and picking; None if there is none."""
    operation = program.source(value, PICKING)
    return operation if operation is not None and operation.kind == "activation" else None


def weights_before(program: Program, value: Value) -> Operation | None:
    """The matmul or convolution whose result a tensor is, its bias added; None if something else stands between."""
    operation = program.source(value, PICKING)
    while operation is not None and operation.kind == "add":
        parts = [program.operation(part) for part in operation.inputs]
        others = [part for part in parts if part is not None and part.kind not in ("variable", "constant", "random")]
        if len(others) != 1 or len(others) == len(operation.inputs):
            return None
        operation = program.source(others[0].output)
    return operation if operation is not None and operation.kind in ("matmul", "convolution") else None


def last_kernel(program: Program, value: Value | None) -> Id | None:
    """The weights of the layer that gives a tensor, which are the same wherever a model is called again."""
    if value is None:
        return None
    activation = activation_behind(program, value)
    layer = weights_before(program, value if activation is None else activation.inputs[0])
    kernel = None if layer is None else kernel_of(program, layer)
    return None if kernel is None else kernel.id


def width(program: Program, value: Value | None, user: Operation | None = None) -> Dim:
    """The size of the last axis; the layer tells it where the shape of what goes in is not known.

    Not so for a `user`, the operation that takes the value, which may or may not run: its condition may be about the
    shape that is not known.
    """
    if not isinstance(value, Tensor):
        return None
    if value.shape is not None:
        return value.shape[-1] if value.shape else None
    if user is not None and user.context.conditions:
        return None
    operation = program.operation(value)
    for _ in range(8):
        if operation is None or not operation.inputs:
            return None
        if operation.kind == "matmul" and operation.layer is not None and len(operation.inputs) == 2:
            kernel = operation.inputs[1]
            return kernel.shape[-1] if isinstance(kernel, Tensor) and kernel.shape else None
        if operation.kind not in ("activation", "add", "dropout", "identity", "cast"):
            return None
        operation = program.operation(operation.inputs[0])
    return None


def trained(program: Program) -> frozenset[Id]:
    """All operations that a loss which is minimized or compiled depends on."""
    return program.once(f"{__name__}.trained", _trained, lasts=True)


def _trained(program: Program) -> frozenset[Id]:
    found: set[Id] = set()
    for event in program.minimized:
        found.update(program.ancestors(event.loss))
    for compiled in program.compiled:
        for key in compiled.losses:
            found.update(program.ancestors(key))
    return frozenset(found)


def knows_what_is_minimized(program: Program) -> bool:
    """Whether each loss that an optimizer reduces is a known operation."""
    return all(isinstance(event.loss, Tensor) and event.loss.op is not None for event in program.minimized)


def is_followed(program: Program, operations: Collection[Id]) -> bool:
    """Whether operations depend on some weights, and on nothing that is not known."""
    found = [operation for key in operations if (operation := program.operation(key)) is not None]
    return any(operation.kind == "variable" for operation in found) and not any(
        operation.kind == "opaque" or any(isinstance(value, Unknown) for value in operation.inputs)
        for operation in found
    )


def is_only_shown(program: Program, loss: Operation) -> bool:
    """Whether other losses are reduced, all of them known, and nothing can come of this one but a number to look at."""
    reached = trained(program)
    if not reached or loss.id in reached:
        return False
    if not knows_what_is_minimized(program):
        return False
    for user in program.descendants(loss.output):
        # What a gradient or a call that is not followed gets may be reduced there.
        if user.kind in ("train", "gradient") or (user.kind == "opaque" and not user.name.startswith(SHOWING)):
            return False
    return True


SHOWING = ("builtins.", "logging.", "matplotlib.", "tf.summary", "tf.print", "tf.Print", "np.")
"""Calls that can't train a network."""


def optimizers_of(program: Program, operation: Operation) -> list[ApiObject | None]:
    """The optimizers that reduce what an operation is part of; None for one that is not known."""
    found = []
    for event in program.minimized:
        if operation.id in program.ancestors(event.loss):
            found.append(program.object(event.optimizer))
    if not found:
        for compiled in program.compiles(operation.id):
            argument = compiled.arguments.get("optimizer")
            found.append(None if argument is None else program.object(argument.value))
    return found


def optimizer_name(optimizer: ApiObject) -> str:
    """The class name of an optimizer without what TensorFlow 1 adds to it."""
    return optimizer.name.rsplit(".", 1)[-1].removesuffix("Optimizer")


def learning_rate(optimizer: ApiObject) -> Argument | None:
    """The argument of an optimizer that is its learning rate, written or a default."""
    return optimizer.arguments.get("learning_rate") or optimizer.arguments.get("lr")


def adaptive_optimizer(program: Program, operation: Operation) -> str | None:
    """The name of the adaptive optimizer, if all that reduce an operation are known and adaptive."""
    names = [None if found is None else optimizer_name(found) for found in optimizers_of(program, operation)]
    return names[0] if names and all(name in ADAPTIVE for name in names) else None


def argument_for(operation: Operation, value: Value) -> Argument | None:
    """The argument of an operation's call that holds one of its inputs, if it is written there."""
    if not isinstance(value, Tensor) or value.op is None:
        return None
    for argument in operation.arguments.values():
        if argument.place is not None and isinstance(argument.value, Tensor) and argument.value.op is value.op:
            return argument
    return None


def sharing_place(program: Program, operation: Operation) -> list[Operation]:
    """All operations of the same kind that are written at the same place, such as the rounds of a loop."""
    return [other for other in program.of_kind(operation.kind) if other.place == operation.place]


def narrowest(program: Program, operation: Operation, meant: Collection[Id]) -> Place | None:
    """The narrowest place that is passed for nothing but the operations that are meant, of which this is one.

    The operation's own place, or a call that leads to it; None when even those are shared with others.
    """
    calls = operation.context.calls
    others = [o for o in sharing_place(program, operation) if o.id not in meant]
    if not others:
        return operation.place
    for depth in range(len(calls) - 1, -1, -1):
        if all(calls[depth] not in o.context.calls for o in others):
            return calls[depth]
    return None


def is_fetched(program: Program, operation: Operation) -> bool:
    """Whether a session run asks for the result itself."""
    for run in program.runs:
        for fetch in run.fetches:
            if isinstance(fetch, Tensor) and fetch.op is operation.id:
                return True
    return False


def only_feeds_losses(program: Program, operation: Operation) -> bool:
    """Whether nothing but losses uses a result, so that it may change its meaning together with them."""
    queue, seen = [operation], {operation.id}
    while queue:
        current = queue.pop()
        if is_fetched(program, current):
            return False
        for user in program.consumers(current.output):
            if user.kind in PICKING and user.id not in seen:
                seen.add(user.id)
                queue.append(user)
            elif user.kind not in PICKING and user.kind != "loss":
                return False
    return True


def compiles(program: Program, loss: Operation) -> list[dict[str, Argument]]:
    """The arguments of the `compile` calls that a loss belongs to."""
    return [dict(event.arguments) for event in program.compiles(loss.id)]


def feed_of(program: Program, value: Value) -> Feed | None:
    """What is first fed to the placeholder or model input behind a tensor."""
    source = program.source(value)
    if source is not None:
        for _, feed in program.fed(source.id):
            return feed
    return None


def rebuilds(program: Program, labels: Value, predictions: Value) -> bool:
    """Whether targets are what the network gets, as in an autoencoder."""
    source = program.source(labels)
    behind = program.ancestors(predictions)
    if source is None or source.id in behind:
        return source is not None
    fed = feed_of(program, labels)
    samples = None if fed is None else _samples(program, fed.value)
    return samples is not None and any(
        feed.key in behind and _samples(program, feed.value) == samples
        for event in program.events
        for feed in getattr(event, "feeds", ())
    )


_BY_ROW = frozenset(("slice", "gather", "stack", "cast", "identity"))


def _samples(program: Program, value: Value) -> tuple[Id, list[Any]] | None:
    """The array whose samples are fed, looked for through what takes rows of it as they are, and which rows."""
    operation = program.operation(value)
    if operation is None:
        return None
    rows = []
    while operation.kind in _BY_ROW and operation.inputs:
        inner = program.operation(operation.inputs[0])
        if inner is None or not inner.output.shape or not operation.output.shape:
            break
        if inner.output.shape[-1] is None or inner.output.shape[-1] != operation.output.shape[-1]:
            break
        rows += [operation.attributes[name] for name in ("index", "split") if name in operation.attributes]
        operation = inner
    return operation.id, rows


def is_sole_loss(program: Program, loss: Operation) -> bool:
    """Whether the loss is all that its `compile` calls get, not one of a list or of several outputs."""
    events = program.compiles(loss.id)
    given = [event.arguments.get("loss") for event in events]
    return bool(events) and all(
        len(event.losses) == 1 and argument is not None and not isinstance(argument.value, (Ref, Tuple))
        for event, argument in zip(events, given)
    )


def asks_for_accuracy(program: Program, loss: Operation) -> bool:
    """Whether the model is compiled with accuracy as a metric, so that its targets are classes."""
    for arguments in compiles(program, loss):
        metrics = arguments.get("metrics")
        if metrics is None:
            continue
        for item in program.items(metrics.value):
            if isinstance(item, Const) and item.value in ("accuracy", "acc", "binary_accuracy", "categorical_accuracy"):
                return True
    return False


def named(loss: Operation) -> str:
    """The loss as a message names it: its function if it is called, else what it computes."""
    if loss.attributes.get("form") in ("raw", "v1"):
        return f"`{loss.name}`"
    function = str(loss.attributes.get("function"))
    return _NAMES.get(function, function.replace("-", " "))


_COMBINING = frozenset(("multiply", "matmul"))


def is_answer(program: Program, operation: Operation) -> bool:
    """Whether a softmax goes into a loss or leaves a model, rather than weighing something as attention does."""
    behind = map(program.operation, program.ancestors(operation.id))
    if not any(found is not None and found.kind in _DATA | WEIGHTED | {"opaque"} for found in behind):
        # Shares that start equal, or that are learned: they answer nothing about the data.
        return False
    reached = program.descendants(operation.output)
    for user in reached:
        if user.kind in _COMBINING and _weighs(program, user, operation):
            return False
    if operation.id in trained(program) or any(user.kind == "loss" for user in reached):
        return True
    passed = {operation.id} | {user.id for user in reached if user.kind in SHAPING}
    return any(value.op in passed for value in _answers(program))


def _weighs(program: Program, user: Operation, operation: Operation) -> bool:
    """Whether a product joins an activation with something else that is made of the same data."""
    behind = program.ancestors(operation.id)
    for value in user.inputs:
        others = program.ancestors(value)
        if isinstance(value, Tensor) and operation.id not in others:
            shared = (program.operation(key) for key in others & behind)
            if any(found is not None and found.kind in _DATA for found in shared):
                return True
    return False


_DATA = frozenset(("placeholder", "input", "data"))


def _answers(program: Program) -> Iterator[Tensor]:
    """What models give and sessions fetch."""
    for run in program.runs:
        yield from (fetch for fetch in run.fetches if isinstance(fetch, Tensor))
    yield from outputs_of_models(program)


def outputs_of_models(program: Program) -> Iterator[Tensor]:
    """What the models of a program give, as far as that is known."""
    for _, record in program.objects:
        if record.kind == "model":
            outputs = record.fields.get("outputs")
            named = program.record(outputs) if isinstance(outputs, Ref) else None
            listed = [item for _, item in named.items] if isinstance(named, DictRecord) else program.items(outputs)
            for item in listed:
                if isinstance(item, Tensor):
                    yield item
