"""Variables, placeholders and constants, and the scopes that name them."""

from __future__ import annotations

import math
from typing import Any

from trainlint.interpret import arrays, calls, contexts
from trainlint.interpret.api.call import ApiCall, Arguments, dtype_name
from trainlint.interpret.api.common import converted, library_of, operand, tensor_type, unknown_result
from trainlint.interpret.api.random import initialize
from trainlint.interpret.api.registry import handles, method
from trainlint.interpret.feeds import FedTensor
from trainlint.interpret.joins import as_number
from trainlint.interpret.machine import MISSING
from trainlint.program.dims import Dim, Shape, Symbol, is_batch
from trainlint.program.events import Escape, WeightsSet
from trainlint.program.values import NONE, UNKNOWN, Api, Const, Function, Tensor, Unknown, Value, is_none


@handles("tf.placeholder", "keras.backend.placeholder")
def placeholder(call: ApiCall) -> Value:
    return fed(call, call.shape("shape"), call.dtype_or("float32"), "placeholder")


@handles("tf.placeholder_with_default")
def placeholder_with_default(call: ApiCall) -> Value:
    default = call.tensor("input")
    shape = call.shape("shape")
    known = call.machine.read(("feed", call.machine.identify(call.place, "placeholder")))
    dtype = default.dtype if default is not None else None
    if known is MISSING and default is not None and default.shape == ():
        # Nobody feeds it: it is its default.
        return call.emit(
            "placeholder",
            output=default.replace(op=None, library="tf", shape=()),
            default=call.value("input"),
            declared=shape,
        )
    tensor = fed(call, shape, dtype, "placeholder", default=call.value("input"))
    if default is not None and default.shape == ():
        return tensor.replace(shape=())
    return tensor


def fed(call: ApiCall, declared: Shape, dtype: str | None, kind: str, **attributes: Any) -> Tensor:
    """A tensor that is fed later: its declared shape, completed by what the feeds have in common."""
    machine = call.machine
    key = machine.identify(call.place, kind)
    known = machine.read(("feed", key))
    output = Tensor(shape=declared, dtype=dtype)
    if isinstance(known, FedTensor):
        output = merge_feed(output, known.tensor)
    if output.shape and output.shape[0] is None:
        output = output.replace(shape=(Symbol("batch", ("batch", key), batch=True), *output.shape[1:]))
    return call.emit(kind, output=output, declared=declared, **attributes)


def merge_feed(output: Tensor, tensor: Tensor) -> Tensor:
    """A placeholder with the facts of its feeds; a declared dimension wins over a fed one."""
    shape = output.shape
    if shape is None:
        shape = tensor.shape
    elif tensor.shape is not None and len(tensor.shape) == len(shape):
        shape = tuple(_prefer(a, b) for a, b in zip(shape, tensor.shape))
    return output.replace(
        shape=shape, low=tensor.low, high=tensor.high, rms=tensor.rms, values=tensor.values, encoding=tensor.encoding,
        grounds=tensor.grounds, assumed=tensor.assumed,
    )  # fmt: skip


def _prefer(declared: Dim, fed_dim: Dim) -> Dim:
    return fed_dim if declared is None else declared


# Variables ------------------------------------------------------------------------------------------------------------


@handles("tf.Variable", "keras.Variable", "keras.backend.variable")
def variable(call: ApiCall) -> Value:
    machine = call.machine
    initial = call.value("initial_value", "initializer", "value")
    if isinstance(initial, Function):
        initial = machine.resolve(calls.call(machine, initial, Arguments([], {}), call.place))
    if call.name == "keras.Variable" and machine.object(initial) is not None:
        tensor, attributes = initialize(machine, initial, call.shape("shape"))
        initial_tensor: Tensor | None = call.emit("random", output=tensor, tag="initial", arguments={}, **attributes)
    else:
        initial_tensor = arrays.as_tensor(machine, initial, call.place)
    trainable = _trainable(call)
    if initial_tensor is None:
        output = Tensor(dtype=call.dtype("dtype"))
        return call.emit(
            "variable", initial, output=output, trainable=trainable, regularizer=NONE, label=call.constant("name")
        )
    if initial_tensor.library == "python":
        initial_tensor = initial_tensor.replace(dtype=tensor_type(initial_tensor.dtype))
    usual = "float32" if call.name == "keras.backend.variable" else initial_tensor.dtype
    output = initial_tensor.replace(
        op=None,
        library="tf",
        dtype=call.dtype_or(usual),
        activation=None,
        encoding=None,
        low=None,
        high=None,
        values=None,
    )
    return call.emit(
        "variable", initial_tensor, output=output, trainable=trainable, regularizer=NONE, label=call.constant("name")
    )


def _trainable(call: ApiCall) -> bool | None:
    value = call.value("trainable")
    if isinstance(value, Const):
        return bool(value.value) if value.value is not None else True
    return True if isinstance(value, Api) else None


@handles("tf.get_variable", "tf.contrib.framework.model_variable", "tf.contrib.framework.variable")
def get_variable(call: ApiCall) -> Value:
    machine = call.machine
    scopes = machine.read(contexts.SCOPES)
    scopes = () if scopes is MISSING else scopes
    defaults: dict[str, Value] = {}
    for _, inherited in scopes:
        defaults.update(inherited)
    name = call.constant("name")
    shape = call.shape("shape")
    initializer = call.value("initializer")
    if is_none(initializer):
        initializer = defaults.get("initializer", NONE)
    regularizer = call.value("regularizer")
    if is_none(regularizer):
        regularizer = defaults.get("regularizer", NONE)
    dtype = call.dtype("dtype") if call.given("dtype") is not None else "float32"
    full = None
    if isinstance(name, str) and all(isinstance(scope, str) for scope, _ in scopes):
        full = "/".join([*(scope for scope, _ in scopes if scope), name])
        known = machine.read(("variable", full))
        if known is not MISSING:
            existing = machine.operation(known)
            # A variable of another shape has another name, which comes from a scope that is not known.
            asked = initializer.shape if shape is None and isinstance(initializer, Tensor) else shape
            if existing is not None and not _differs(existing.output.shape, asked):
                return existing.output
    inputs: tuple[Value, ...] = ()
    if isinstance(initializer, Tensor):
        tensor = initializer
        inputs = (initializer,)
        # TensorFlow 0.12 and later refuse another type than that of the tensor, older ones take the tensor's.
        dtype = tensor.dtype if call.given("dtype") is None or dtype == tensor.dtype else None
        shape = shape if shape is not None else tensor.shape
    else:
        number = as_number(initializer)
        if number is not None and call.given("dtype") is None:
            dtype = tensor_type(number.dtype)
        elif type(initializer) is Unknown and shape is None and call.given("dtype") is None:
            dtype = None  # of a value, which brings its type along
        chosen = initializer if not is_none(initializer) else Const(value="glorot_uniform")
        tensor, attributes = initialize(machine, chosen, shape)
        place = _given_place(call, "initializer")
        inputs = (
            call.emit(
                "random",
                output=tensor,
                tag="initial",
                place=place or call.place,
                arguments={},
                initializer=chosen,
                **attributes,
            ),
        )
    output = tensor.replace(
        shape=shape, dtype=dtype, op=None, library="tf", low=None, high=None, values=None, activation=None
    )
    trainable = call.known("trainable")
    result = call.emit(
        "variable", *inputs, output=output, trainable=True if trainable is MISSING or trainable is None else trainable,
        regularizer=regularizer, label=full or name,
    )  # fmt: skip
    if full is not None:
        machine.write(("variable", full), result)
    return result


def _differs(known: Shape, asked: Shape) -> bool:
    return known is not None and asked is not None and (len(known) != len(asked) or any(map(_unequal, known, asked)))


def _unequal(a: Dim, b: Dim) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a != b


def _given_place(call: ApiCall, name: str) -> Any:
    argument = call.given(name)
    return argument.place if argument is not None else None


@handles("tf.variable_scope", "tf.name_scope", "tf.variable_op_scope", "keras.name_scope")
def variable_scope(call: ApiCall) -> Value:
    # A name scope does not name variables of get_variable.
    if "name_scope" in call.name:
        return call.object("scope")
    call.bind_as(
        "name_or_scope",
        "default_name",
        "values",
        "initializer",
        "regularizer",
        default_name=None,
        initializer=None,
        regularizer=None,
    )
    name = call.constant("name_or_scope") or call.constant("default_name")
    record = call.machine.object(call.value("name_or_scope"))
    if record is not None and record.kind == "variable scope":
        name = record.fields.get("name")
    defaults = {key: call.value(key) for key in ("initializer", "regularizer") if not is_none(call.value(key))}
    return call.object("variable scope", name=name, defaults=defaults)


@handles("tf.get_variable_scope")
def get_variable_scope(call: ApiCall) -> Value:
    return call.object("object")


@handles("tf.Graph", "tf.get_default_graph", "tf.reset_default_graph", "keras.backend.clear_session")
def graph(call: ApiCall) -> Value:
    return call.object("graph")


@method("graph", "as_default", "device", "name_scope")
def as_default(call: ApiCall) -> Value:
    return call.receiver or UNKNOWN


@handles("tf.control_dependencies", "tf.device", "keras.device")
def control(call: ApiCall) -> Value:
    for value in call.arguments.values():
        tensors = tuple(arrays.tensors_in(call.machine, value))
        if tensors:
            call.emit("group", *tensors, output=Tensor())
    return call.object("scope")


# Constants ------------------------------------------------------------------------------------------------------------


@handles(
    "tf.constant",
    "tf.convert_to_tensor",
    "keras.backend.constant",
    "keras.ops.convert_to_tensor",
    "tf.constant_v1",
    "keras.ops.array",
)
def constant(call: ApiCall) -> Value:
    value = operand(call, 0, "value", "x")
    tensor = arrays.as_tensor(call.machine, value, call.place)
    if tensor is None:
        return unknown_result(call, value, kind="identity")
    shape = call.shape("shape") if call.given("shape") else tensor.shape
    usual = "float32" if call.name == "keras.backend.constant" else tensor_type(tensor.dtype)
    dtype = call.dtype_or(usual)
    kind = "identity" if tensor.op is not None else "constant"
    inputs = (tensor,) if tensor.op is not None else ()
    return call.emit(kind, *inputs, output=tensor.replace(op=None, library="tf", shape=shape, dtype=dtype))


def filled(call: ApiCall, shape: Shape, value: float | None, dtype: str | None) -> Tensor:
    output = Tensor(
        shape=shape, dtype=dtype, low=value, high=value, rms=None if value is None else abs(value),
        values=None if value is None else (value,), library=library_of(call),
    )  # fmt: skip
    return call.emit("constant", output=output, distribution="constant", value=value)


@handles(
    "tf.zeros",
    "tf.ones",
    "np.zeros",
    "np.ones",
    "np.empty",
    "keras.backend.zeros",
    "keras.backend.ones",
    "keras.ops.zeros",
    "keras.ops.ones",
)
def zeros(call: ApiCall) -> Value:
    argument = call.arguments.keywords.get("shape") or (
        call.arguments.positional[0] if call.arguments.positional else None
    )
    shape = arrays.as_shape(call.machine, argument.value) if argument is not None else None
    value = {"zeros": 0.0, "ones": 1.0, "empty": None}[call.name.rsplit(".", 1)[-1]]
    dtype = call.dtype_or("float64" if call.name.startswith("np.") else "float32")
    return filled(call, shape, value, dtype)


@handles("tf.zeros_like", "tf.ones_like", "np.zeros_like", "np.ones_like", "np.empty_like", "keras.backend.zeros_like",
         "keras.backend.ones_like", "keras.ops.zeros_like", "keras.ops.ones_like")  # fmt: skip
def zeros_like(call: ApiCall) -> Value:
    tensor = arrays.as_tensor(call.machine, operand(call))
    value = 0.0 if "zeros" in call.name else 1.0 if "ones" in call.name else None
    if call.given("shape") is not None:
        shape = call.shape("shape")
    else:
        shape = tensor.shape if tensor is not None else None
    result = filled(
        call,
        shape,
        value,
        call.dtype("dtype") if call.given("dtype") is not None else tensor.dtype if tensor is not None else None,
    )
    return result


@handles("tf.fill", "np.full", "keras.ops.full", "np.full_like")
def full(call: ApiCall) -> Value:
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    keywords = call.arguments.keywords
    named = keywords.get("shape") or keywords.get("dims")
    shape_value = values[0] if values else UNKNOWN if named is None else named.value
    content = (
        values[1]
        if len(values) > 1
        else next((keywords[k].value for k in ("value", "fill_value") if k in keywords), UNKNOWN)
    )
    tensor = arrays.as_tensor(call.machine, content)
    value = tensor.low if tensor is not None and tensor.low == tensor.high else None
    if call.name.endswith("_like"):
        like = arrays.as_tensor(call.machine, shape_value)
        shape = like.shape if like is not None else None
        dtype = like.dtype if like is not None else None
    else:
        shape = arrays.as_shape(call.machine, shape_value)
        dtype = None
    given = call.given("dtype") is not None
    dtype = call.dtype("dtype") if given else dtype
    if value is not None and (given or call.name.endswith("_like")) and math.isfinite(value):
        inside = converted(Tensor(low=value, high=value), dtype)
        value = inside.low if inside.low == inside.high else None
    return filled(call, shape, value, dtype)


@handles("tf.eye", "np.eye", "np.identity", "keras.ops.eye", "keras.backend.eye")
def eye(call: ApiCall) -> Value:
    rows = (
        arrays.as_dim(call.machine.resolve(call.arguments.positional[0].value)) if call.arguments.positional else None
    )
    second = call.given("M", "num_columns")
    columns = (
        arrays.as_dim(call.machine.resolve(call.arguments.positional[1].value))
        if len(call.arguments.positional) > 1
        else rows
        if second is None
        else arrays.as_dim(call.machine.resolve(second.value))
    )
    batch = call.given("batch_shape")
    sizes = arrays.as_shape(call.machine, batch.value) if batch is not None else ()
    output = Tensor(
        shape=None if sizes is None else (*sizes, rows, columns),
        dtype=call.dtype("dtype")
        if call.given("dtype") is not None
        else "float64"
        if call.name.startswith("np.")
        else "float32",
        low=0.0,
        high=1.0,
        values=(0.0, 1.0),
        encoding="one-hot",
        library=library_of(call),
    )
    return call.emit("constant", output=output, distribution="identity")


# Casting and assignment -----------------------------------------------------------------------------------------------


@handles(
    "tf.cast",
    "tf.to_float",
    "tf.to_int32",
    "tf.to_int64",
    "tf.to_double",
    "keras.backend.cast",
    "keras.ops.cast",
    "tf.saturate_cast",
    "keras.backend.cast_to_floatx",
)
@method("tensor", "astype")
def cast(call: ApiCall) -> Value:
    value = operand(call)
    base = call.name.rsplit(".", 1)[-1]
    position = 0 if isinstance(call.receiver, Tensor) else 1
    argument = call.arguments.keywords.get("dtype") or (
        call.arguments.positional[position] if len(call.arguments.positional) > position else None
    )
    numpy = call.name.startswith("np.") or (isinstance(call.receiver, Tensor) and call.receiver.library != "tf")
    fixed = {
        "to_float": "float32",
        "to_int32": "int32",
        "to_int64": "int64",
        "to_double": "float64",
        "cast_to_floatx": "float32",
    }
    dtype = fixed.get(base) or (
        dtype_name(call.machine.resolve(argument.value), numpy) if argument is not None else None
    )
    tensor = arrays.as_tensor(call.machine, value, call.place)
    if tensor is None:
        return call.emit("cast", value, output=Tensor(dtype=dtype, library=library_of(call)), dtype=dtype)
    output = converted(tensor, dtype, base == "saturate_cast").replace(op=None, library=library_of(call, tensor))
    if output.library == "python":
        output = output.replace(library="np")
    return call.emit("cast", tensor, output=output, dtype=dtype)


@handles(
    "tf.identity",
    "tf.stop_gradient",
    "keras.backend.stop_gradient",
    "keras.ops.stop_gradient",
    "tf.check_numerics",
    "tf.Print",
    "tf.debugging.check_numerics",
    "tf.ensure_shape",
    "tf.no_op",
    "keras.backend.identity",
    "tf.lookup_identity",
    "np.copy",
)
@method("tensor", "copy", "read_value", "value", "initialized_value", "detach")
def identity(call: ApiCall) -> Value:
    if call.name == "tf.no_op":
        return call.emit("group", output=Tensor())
    tensor = arrays.as_tensor(call.machine, operand(call), call.place)
    if tensor is None:
        return unknown_result(call, operand(call), kind="identity")
    kind = "stop-gradient" if "stop_gradient" in call.name else "identity"
    if call.name == "tf.ensure_shape":
        return asserted(call, tensor, call.shape("shape"))
    return call.emit(kind, tensor, output=tensor.replace(op=None))


def asserted(call: ApiCall, tensor: Tensor, shape: Shape) -> Tensor:
    """A tensor of which the author says what shape it has: what was not known before is known then."""
    known = tensor.shape
    if known is None:
        known = shape
    elif shape is not None and len(known) == len(shape):
        known = tuple(b if a is None or (is_batch(a) and b is not None) else a for a, b in zip(known, shape))
    return call.emit("identity", tensor, output=tensor.replace(op=None, shape=known), asserted=shape)


@handles(
    "tf.assign",
    "tf.assign_add",
    "tf.assign_sub",
    "keras.backend.update",
    "keras.backend.set_value",
    "tf.scatter_update",
)
@method("tensor", "assign", "assign_add", "assign_sub")
def assign(call: ApiCall) -> Value:
    target = operand(call, 0, "ref", "x")
    value = operand(call, 1, "value", "new_x", "delta")
    calls.overwrite(call.machine, target, call.place)
    tensor = arrays.as_tensor(call.machine, value)
    output = (tensor or Tensor()).replace(op=None, library="tf")
    base = call.machine.method_name if isinstance(call.receiver, Tensor) else call.name
    if base.endswith(("_add", "_sub", "scatter_update")):
        # What the variable held before counts as well.
        before = arrays.as_tensor(call.machine, target)
        output = Tensor(shape=None if before is None else before.shape, library="tf")
        output = output.replace(dtype=None if before is None else before.dtype)
    return call.emit("assign", target, value if tensor is None else tensor, output=output, variable=target)


@method("tensor", "load")
def load(call: ApiCall) -> Value:
    """`variable.load(value, session)` of TensorFlow 1 sets it at once."""
    machine, context = call.machine, call.machine.context()
    assert isinstance(call.receiver, Tensor)
    machine.record(WeightsSet(place=call.place, context=context, target=call.receiver.op))
    machine.record(Escape(place=call.place, context=context, values=tuple(call.arguments.values()), function=UNKNOWN))
    return NONE


@method("tensor", "get_shape")
def get_shape(call: ApiCall) -> Value:
    assert isinstance(call.receiver, Tensor)
    return calls.tensor_attribute(call.machine, call.receiver, "shape", call.place)


@method("tensor", "set_shape")
def set_shape(call: ApiCall) -> Value:
    """The tensor with that shape; whoever runs the statement binds it to the name again."""
    assert isinstance(call.receiver, Tensor)
    result = asserted(call, call.receiver, call.bind_as("shape").shape("shape"))
    operation = call.machine.operation(call.receiver)
    # What is fed or assigned later is known by its own operation.
    return NONE if operation is None or operation.kind in ("placeholder", "input", "variable") else result


@handles("tf.GradientTape")
def gradient_tape(call: ApiCall) -> Value:
    return call.object("tape")
