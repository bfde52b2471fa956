"""Losses as functions: TensorFlow's cross-entropies, tf.losses.*, Keras loss functions, regularization collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays
from trainlint.interpret.api.call import ApiCall
from trainlint.interpret.api.common import operand, tensor_type
from trainlint.interpret.api.registry import called, handles
from trainlint.interpret.machine import MISSING
from trainlint.program import dims
from trainlint.program.operations import Operation
from trainlint.program.values import NONE, UNKNOWN, Api, Const, ListRecord, Tensor, Value, is_none
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Shape
    from trainlint.program.values import Argument


class LossKind(Record):
    """What a loss computes. `expects` is "logits", "probabilities" or "values"; `labels` the encoding it wants."""

    function: str
    expects: str = "values"
    labels: str = ""


SOFTMAX = "softmax-cross-entropy"
SPARSE = "sparse-softmax-cross-entropy"
SIGMOID = "sigmoid-cross-entropy"

KERAS: dict[str, LossKind] = {
    "binary_crossentropy": LossKind(function=SIGMOID, expects="probabilities"),
    "categorical_crossentropy": LossKind(function=SOFTMAX, expects="probabilities", labels="one-hot"),
    "sparse_categorical_crossentropy": LossKind(function=SPARSE, expects="probabilities", labels="class-ids"),
    "binary_focal_crossentropy": LossKind(function="focal", expects="probabilities"),
    "categorical_focal_crossentropy": LossKind(function="focal", expects="probabilities", labels="one-hot"),
    "mean_squared_error": LossKind(function="squared-error"),
    "mean_absolute_error": LossKind(function="absolute-error"),
    "mean_absolute_percentage_error": LossKind(function="percentage-error"),
    "mean_squared_logarithmic_error": LossKind(function="squared-log-error"),
    "huber": LossKind(function="huber"),
    "log_cosh": LossKind(function="log-cosh"),
    "hinge": LossKind(function="hinge"),
    "squared_hinge": LossKind(function="hinge"),
    "categorical_hinge": LossKind(function="hinge"),
    "kl_divergence": LossKind(function="kl-divergence", expects="probabilities"),
    "poisson": LossKind(function="poisson"),
    "cosine_similarity": LossKind(function="cosine"),
}
_ALIASES = {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "huber_loss": "huber",
    "cosine_proximity": "cosine_similarity",
    "cosine": "cosine_similarity",
    "binary_cross_entropy": "binary_crossentropy",
}
_CLASSES = {
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error",
    "Huber": "huber",
    "LogCosh": "log_cosh",
    "Hinge": "hinge",
    "SquaredHinge": "squared_hinge",
    "CategoricalHinge": "categorical_hinge",
    "KLDivergence": "kl_divergence",
    "Poisson": "poisson",
    "CosineSimilarity": "cosine_similarity",
    "BinaryFocalCrossentropy": "binary_focal_crossentropy",
    "CategoricalFocalCrossentropy": "categorical_focal_crossentropy",
}


def keras_loss(name: str) -> str | None:
    """The usual name of a Keras loss for a string, function name or class name."""
    name = _CLASSES.get(name, name)
    name = _ALIASES.get(name.lower(), name.lower()) if name not in KERAS else name
    return name if name in KERAS else None


def loss_of(machine: Machine, value: Value) -> tuple[LossKind, bool | None, str] | None:
    """What a loss argument stands for: its kind, from_logits (None: unknown), and the form it is written in."""
    value = machine.resolve(value)
    if isinstance(value, Const) and isinstance(value.value, str):
        name = keras_loss(value.value)
        return None if name is None else (KERAS[name], False, "string")
    if isinstance(value, Api):
        name = keras_loss(value.symbol.name.rsplit(".", 1)[-1])
        if name is None or not value.symbol.name.startswith(("keras.", "tf.losses", "tf.keras")):
            return None
        return KERAS[name], False, "class" if value.symbol.kind == "class" else "function"
    record = machine.object(value)
    if record is not None and record.kind == "loss":
        name = keras_loss(record.symbol.name.rsplit(".", 1)[-1])
        if name is None:
            return None
        argument = record.arguments.get("from_logits")
        from_logits: bool | None = False
        if argument is not None:
            resolved = machine.resolve(argument.value)
            from_logits = bool(resolved.value) if isinstance(resolved, Const) else None
        return KERAS[name], from_logits, "object"
    return None


def emit_loss(
    machine: Machine,
    name: str,
    place: Any,
    kind: LossKind,
    labels: Value,
    predictions: Value,
    *,
    from_logits: bool | None,
    reduced: bool | None,
    form: str,
    tag: Any = "loss",
    arguments: Any = None,
    symbol: Any = None,
    **more: Any,
) -> Tensor:
    """Records a loss between labels and predictions; `reduced` says whether it gives one number for the batch."""
    label_tensor = arrays.as_tensor(machine, labels)
    prediction = arrays.as_tensor(machine, predictions)
    shape: Shape = () if reduced else None
    if reduced is False:
        if prediction is not None and prediction.shape is not None:
            # Keras' backend has no mean over the last axis.
            raw = form == "raw" or name.startswith(("keras.backend.", "keras.ops."))
            elementwise = kind.function not in (SOFTMAX, SPARSE) if form == "v1" else kind.function == SIGMOID and raw
            shape = prediction.shape if elementwise else prediction.shape[:-1]
            if elementwise and label_tensor is not None:
                shape = dims.broadcast(prediction.shape, label_tensor.shape)
            axis = (arguments or {}).get("axis")
            if not elementwise and axis is not None and axis.given and machine.resolve(axis.value) != Const(value=-1):
                shape = None
    # Functions compute in the type of the predictions; tf.losses and the objects of Keras 3 convert them first.
    dtype = "float32" if form == "v1" or (form == "object" and machine.generation == "2.16") else None
    if dtype is None and prediction is not None:
        known = tensor_type(prediction.dtype)
        dtype = known if known is not None and known.startswith(("float", "bfloat")) else None
    output = Tensor(
        shape=shape, dtype=dtype, low=0.0 if "cross-entropy" in kind.function or "error" in kind.function else None
    )
    inputs = (labels if label_tensor is None else label_tensor, predictions if prediction is None else prediction)
    return machine.emit(
        "loss",
        name,
        place,
        inputs,
        output,
        tag,
        arguments=arguments or {},
        symbol=symbol,
        attributes={
            "function": kind.function,
            "expects": "logits" if from_logits else kind.expects,
            "from_logits": from_logits,
            "labels": inputs[0],
            "predictions": inputs[1],
            "wants": kind.labels,
            "reduced": reduced,
            "form": form,
            **more,
        },
    )


_RAW = {
    "tf.nn.softmax_cross_entropy_with_logits": LossKind(function=SOFTMAX, expects="logits", labels="one-hot"),
    "tf.nn.softmax_cross_entropy_with_logits_v2": LossKind(function=SOFTMAX, expects="logits", labels="one-hot"),
    "tf.nn.sparse_softmax_cross_entropy_with_logits": LossKind(function=SPARSE, expects="logits", labels="class-ids"),
    "tf.nn.sigmoid_cross_entropy_with_logits": LossKind(function=SIGMOID, expects="logits"),
    "tf.nn.weighted_cross_entropy_with_logits": LossKind(function=SIGMOID, expects="logits"),
}


@handles(*_RAW)
def raw_cross_entropy(call: ApiCall) -> Value:
    kind = _RAW[call.name]
    labels, logits = call.value("labels", "targets"), call.value("logits")
    # TensorFlow before 1.0 has the scores first, and 1.x takes no arguments by position.
    is_old = False
    if len(call.arguments.positional) >= 2 and call.machine.generation == "1.x" and call.symbol.flavour == "tf":
        learned = _is_learned(call.machine, labels), _is_learned(call.machine, logits)
        is_old = learned == (True, False)
        if is_old:
            labels, logits = logits, labels
        elif learned != (False, True):
            # Which of them are the scores?
            labels = logits = UNKNOWN
    return emit_loss(
        call.machine, call.name, call.place, kind, labels, logits, from_logits=True, reduced=False, form="raw",
        arguments=call.bound, symbol=call.symbol, scores_first=is_old,
    )  # fmt: skip


def _is_learned(machine: Machine, value: Value) -> bool:
    """Whether a value depends on weights."""
    stack = [tensor.op for tensor in arrays.tensors_in(machine, value)]
    seen = set(stack)
    while stack:
        operation = machine.operation(stack.pop())
        if operation is None:
            continue
        if operation.kind == "variable":
            return True
        for source in operation.sources:
            if source not in seen:
                seen.add(source)
                stack.append(source)
    return False


_V1 = {
    "tf.losses.softmax_cross_entropy": (
        LossKind(function=SOFTMAX, expects="logits", labels="one-hot"),
        "onehot_labels",
        "logits",
    ),
    "tf.losses.sparse_softmax_cross_entropy": (
        LossKind(function=SPARSE, expects="logits", labels="class-ids"),
        "labels",
        "logits",
    ),
    "tf.losses.sigmoid_cross_entropy": (LossKind(function=SIGMOID, expects="logits"), "multi_class_labels", "logits"),
    "tf.losses.mean_squared_error": (LossKind(function="squared-error"), "labels", "predictions"),
    "tf.losses.absolute_difference": (LossKind(function="absolute-error"), "labels", "predictions"),
    "tf.losses.huber_loss": (LossKind(function="huber"), "labels", "predictions"),
    "tf.losses.hinge_loss": (LossKind(function="hinge"), "labels", "logits"),
    "tf.losses.log_loss": (LossKind(function=SIGMOID, expects="probabilities"), "labels", "predictions"),
}
_V1 |= {name.replace("tf.", "tf.contrib.", 1): found for name, found in _V1.items() if not name.endswith("huber_loss")}
"""Those of tf.contrib take the scores first, under the same names."""


@handles(*_V1)
def v1_loss(call: ApiCall) -> Value:
    kind, labels, predictions = _V1[call.name]
    logits = predictions == "logits" and kind.expects == "logits"
    return emit_loss(
        call.machine,
        call.name,
        call.place,
        kind,
        call.value(labels),
        call.value(predictions),
        from_logits=logits,
        reduced=_is_reduced(call.machine, call.argument("reduction")),
        form="v1",
        arguments=call.bound,
        symbol=call.symbol,
    )


def _is_reduced(machine: Machine, reduction: Argument | None) -> bool | None:
    """Whether a loss gives one number; None where its way of reducing is not known."""
    if reduction is None or not reduction.given:
        return True
    way = machine.resolve(reduction.value)
    if isinstance(way, Const):
        return str(way.value).lower() != "none"
    return not way.symbol.name.endswith("NONE") if isinstance(way, Api) else None


_FUNCTIONS = (
    tuple(f"keras.losses.{name}" for name in (*KERAS, *_ALIASES))
    + tuple(f"keras.metrics.{name}" for name in (*KERAS, *_ALIASES))
    + tuple(
        f"keras.backend.{name}"
        for name in ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
    )
    + tuple(
        f"keras.ops.{name}"
        for name in ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
    )
)


@handles(*_FUNCTIONS)
def keras_function(call: ApiCall) -> Value:
    name = keras_loss(call.name.rsplit(".", 1)[-1])
    assert name is not None
    names = ("target", "y_true"), ("output", "y_pred")
    labels, predictions = operand(call, 0, *names[0]), operand(call, 1, *names[1])
    known = call.argument("from_logits")
    from_logits: bool | None = False
    if known is not None:
        value = call.machine.resolve(known.value)
        from_logits = bool(value.value) if isinstance(value, Const) else None
    return emit_loss(
        call.machine,
        call.name,
        call.place,
        KERAS[name],
        labels,
        predictions,
        from_logits=from_logits,
        reduced=False,
        form="function",
        arguments=call.bound,
        symbol=call.symbol,
    )


@called("loss")
def loss_object(call: ApiCall) -> Value:
    """`loss(y_true, y_pred)` of a loss object."""
    assert call.receiver is not None
    found = loss_of(call.machine, call.receiver)
    labels, predictions = operand(call, 0, "y_true"), operand(call, 1, "y_pred")
    if len(call.arguments.positional) >= 2:
        labels = call.machine.resolve(call.arguments.positional[0].value)
        predictions = call.machine.resolve(call.arguments.positional[1].value)
    if found is None:
        return call.opaque()
    record = call.machine.object(call.receiver)
    assert record is not None
    return emit_loss(
        call.machine,
        call.name,
        call.place,
        found[0],
        labels,
        predictions,
        from_logits=found[1],
        reduced=_is_reduced(call.machine, record.arguments.get("reduction")),
        form="object",
        arguments=record.arguments,
        symbol=call.symbol,
        object=call.receiver,
        given=_given(call),
    )


def _given(call: ApiCall) -> tuple[Argument | None, Argument | None]:
    """What a loss object is called with, as it is written: labels and predictions."""
    positional: list[Argument | None] = [*call.arguments.positional[:2], None, None]
    keywords = call.arguments.keywords
    return keywords.get("y_true", positional[0]), keywords.get("y_pred", positional[1])


@handles("tf.nn.l2_loss")
def l2_loss(call: ApiCall) -> Value:
    tensor = call.tensor("t")
    if tensor is None:
        return call.emit("reduce", call.value("t"), output=Tensor(shape=()), how="l2", axis=(), keepdims=False)
    return call.emit(
        "reduce", tensor, output=Tensor(shape=(), dtype=tensor.dtype, low=0.0), how="l2", axis=(), keepdims=False
    )


# Collections ----------------------------------------------------------------------------------------------------------


def regularized(machine: Machine) -> list[Operation]:
    """The variables whose regularizer has put a term into REGULARIZATION_LOSSES so far."""
    return [
        variable for variable in machine.made("variable")
        if variable.attributes.get("regularizer", NONE) not in (NONE, None)
    ]  # fmt: skip


def regularization(call: ApiCall, form: str) -> Tensor:
    """A term that stands for everything the regularizers collected."""
    machine = call.machine
    inputs = tuple(operation.output for operation in regularized(machine))
    return call.emit("regularization", *inputs, output=Tensor(shape=(), dtype="float32", low=0.0), form=form)


@handles(
    "tf.losses.get_regularization_loss",
    "tf.losses.get_regularization_losses",
    "tf.losses.get_total_loss",
    "tf.losses.get_losses",
    "tf.contrib.losses.get_total_loss",
    "tf.contrib.slim.losses.get_total_loss",
    "tf.contrib.slim.losses.get_regularization_losses",
)
def get_regularization_loss(call: ApiCall) -> Value:
    return _reported(call, call.name.rsplit(".", 1)[-1])


def _reported(call: ApiCall, base: str) -> Value:
    """What a function of `tf.losses` gives, by the last part of its name."""
    inputs: tuple[Value, ...] = ()
    own: tuple[Value, ...] | None = ()
    if base in ("get_total_loss", "get_losses"):
        inputs = tuple(
            loss.output for loss in call.machine.made("loss") if loss.name.startswith(("tf.losses", "tf.contrib"))
        )
        own = _collected(call.machine, "losses")
    more = _collected(call.machine, "regularization_losses") if base != "get_losses" else ()
    own = None if own is None or more is None else (*own, *more)
    if base != "get_losses":
        inputs = (*inputs, regularization(call, base))
    if base in ("get_total_loss", "get_regularization_loss"):
        parts = (*inputs, UNKNOWN) if own is None else (*inputs, *own)
        return call.emit("add", *parts, output=Tensor(shape=(), dtype="float32", low=0.0), tag="total")
    if own is None:
        return call.machine.new(call.place, ListRecord(items=None), "collection")
    if base == "get_losses" and not inputs and not own:
        # Whoever asks for them knows of some.
        return call.machine.new(call.place, ListRecord(items=None), "collection")
    total = (call.emit("add", *inputs, output=Tensor(shape=(), dtype="float32", low=0.0), tag="total"),)
    # Where the program collects its losses itself, there need not be others.
    return call.machine.new(call.place, ListRecord(items=(*(total if inputs or not own else ()), *own)), "collection")


def _collected(machine: Machine, key: str) -> tuple[Value, ...] | None:
    """What the program itself has put into a collection; None after branches that collected differently."""
    known = machine.read(("collection", key))
    return () if known is MISSING else known if isinstance(known, tuple) else None


def _key(value: Value) -> str | None:
    """The name of a collection: `tf.GraphKeys.LOSSES` is "losses"."""
    if isinstance(value, Api) and ".GraphKeys." in value.symbol.name:
        name = value.symbol.name.rsplit(".", 1)[-1].lower()
        return "variables" if name == "global_variables" else name
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


@handles("tf.get_collection", "tf.get_collection_ref")
def get_collection(call: ApiCall) -> Value:
    name = _key(call.value("key"))
    if name == "regularization_losses":
        own = _collected(call.machine, name)
        items = None if own is None else (regularization(call, "collection"), *own)
        return call.machine.new(call.place, ListRecord(items=items), "collection")
    if name == "losses":
        return _reported(call, "get_losses")
    if name in ("trainable_variables", "variables"):
        return all_variables(call)
    if name is None or name == "update_ops":
        # Who asks for the updates of batch normalization is seen by the object; of an unknown key nothing is known.
        reader = call.object("object", collection="" if name is None else "UPDATE_OPS")
        return call.opaque() if name is None else reader
    if call.machine.read(("collection", name)) is MISSING and isinstance(call.value("key"), Api):
        return call.object("object", collection=name.upper())
    # After branches that collected differently the content is unknown.
    return call.machine.new(call.place, ListRecord(items=_collected(call.machine, name)), "collection")


@handles("tf.add_to_collection")
def add_to_collection(call: ApiCall) -> Value:
    name = _key(call.value("name"))
    if name is not None:
        collect(call.machine, name, call.value("value"))
    return NONE


@handles("tf.losses.add_loss", "tf.contrib.losses.add_loss")
def add_loss(call: ApiCall) -> Value:
    collect(call.machine, "losses", call.value("loss"))
    return NONE


def collect(machine: Machine, name: str, value: Value) -> None:
    """Puts a value into a collection of the graph."""
    known = _collected(machine, name)
    if known is not None and value not in known:
        machine.write(("collection", name), (*known, value))


@handles(
    "tf.trainable_variables", "tf.global_variables", "tf.all_variables", "tf.local_variables", "tf.model_variables"
)
def all_variables(call: ApiCall) -> Value:
    """The variables so far; which of them a scope or a special collection has is not known."""
    if not is_none(call.value("scope")) or call.name in ("tf.local_variables", "tf.model_variables"):
        return call.machine.new(call.place, ListRecord(items=None, element=Tensor()), "variables")
    made = call.machine.made("variable")
    if call.name == "tf.trainable_variables" or _key(call.value("key")) == "trainable_variables":
        made = [variable for variable in made if variable.attributes.get("trainable") is not False]
    if not made:
        # Whoever asks for them knows of some.
        return call.machine.new(call.place, ListRecord(items=None, element=Tensor()), "variables")
    items = tuple(variable.output for variable in made)
    return call.machine.new(call.place, ListRecord(items=items[:512]), "variables")


REGULARIZERS = (
    "tf.contrib.layers.l2_regularizer",
    "tf.contrib.layers.l1_regularizer",
    "tf.contrib.layers.l1_l2_regularizer",
    "tf.contrib.layers.sum_regularizer",
    "tf.contrib.slim.l2_regularizer",
    "tf.contrib.slim.l1_regularizer",
    "keras.regularizers.l2",
    "keras.regularizers.l1",
    "keras.regularizers.l1_l2",
)


@handles(*REGULARIZERS)
def regularizer(call: ApiCall) -> Value:
    return call.object("regularizer")


@called("regularizer")
def call_regularizer(call: ApiCall) -> Value:
    """`regularizer(weights)`: the term itself, added by hand."""
    tensor = arrays.as_tensor(call.machine, operand(call))
    inputs: tuple[Value, ...] = (tensor,) if tensor is not None else ()
    return call.emit("regularization", *inputs, output=Tensor(shape=(), dtype="float32", low=0.0), form="call")


@handles("tf.contrib.layers.apply_regularization")
def apply_regularization(call: ApiCall) -> Value:
    return regularization(call, "apply")
