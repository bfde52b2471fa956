"""Attributes and calls: who answers `value.name` and `value(...)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.interpret import (
    aliases,
    arithmetic,
    arrays,
    builtins,
    classes,
    contexts,
    expressions,
    fragments,
    modules,
)
from trainlint.interpret.api import registry
from trainlint.interpret.api.call import ApiCall, Arguments, hand_over
from trainlint.interpret.api.layer_arguments import layer_arguments
from trainlint.interpret.machine import MISSING, unknown
from trainlint.interpret.required import check_required
from trainlint.program.dims import Symbol as DimSymbol
from trainlint.program.events import Altered, Escape, SurplusArgument, TrainableSet, WeightsSet
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Bound,
    Class,
    Const,
    DictRecord,
    Dimension,
    Function,
    InstanceRecord,
    ListRecord,
    Method,
    Module,
    Partial,
    Ref,
    Stream,
    Super,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine


def attribute(machine: Machine, value: Value, name: str, place: code.Place) -> Value:
    """`value.name`."""
    if type(value) is Api:
        return api_attribute(machine, value, name)
    if isinstance(value, Module):
        found = modules.read_name(machine, value, name)
        if found is not None:
            return machine.resolve(found)
        return unknown(f"`{value.frame.name}.{name}` is not defined", place, ("attr", ("name", value.path), name))
    if isinstance(value, Tensor):
        return tensor_attribute(machine, value, name, place)
    if isinstance(value, Ref):
        record = machine.get(value)
        if isinstance(record, InstanceRecord):
            return classes.instance_attribute(machine, value, record, name, place)
        if isinstance(record, ApiObject):
            return object_attribute(machine, value, record, name, place)
        return Method(receiver=value, name=name)
    if isinstance(value, Class):
        return classes.class_attribute(machine, value, name, place)
    if isinstance(value, Super):
        return classes.super_attribute(machine, value, name, place)
    if isinstance(value, Unknown):
        origin = ("attr", value.origin, name) if value.origin is not None and _depth(value.origin) < 8 else None
        reason = f"`{arrays.show_origin(origin)}` is unknown" if origin else value.reason
        return Unknown(origin=origin, reason=reason, place=value.place or place)
    if isinstance(value, Tuple) and name in _NAMED and len(value.items) > _NAMED[name]:
        return machine.resolve(value.items[_NAMED[name]])
    if isinstance(value, Tuple) and name in ("ndims", "rank"):
        return Const(value=len(value.items))
    if isinstance(value, (Const, Dimension)) and name == "value":
        return value  # the dimension of a shape in TensorFlow 1
    if isinstance(value, (Const, Tuple, Stream, Dimension)):
        return Method(receiver=value, name=name)
    if isinstance(value, Partial) and name in ("func", "args", "keywords"):
        return UNKNOWN
    if isinstance(value, (Function, Bound)) and name in ("__name__", "__qualname__"):
        return Const(value=getattr(value, "name", ""))
    return Method(receiver=value, name=name)


_NAMED = {"c": 0, "h": 1, "values": 0, "indices": 1, "y": 0, "idx": 1}
"""Parts of tuples with names: the state of an LSTM in TensorFlow 1, the results of `top_k` and `unique`."""


def _depth(origin: Any) -> int:
    return 1 + max(map(_depth, origin), default=0) if isinstance(origin, tuple) else 0


def api_attribute(machine: Machine, value: Api, name: str) -> Value:
    from trainlint.interpret.api import configuration

    if value.symbol.name in configuration.FLAGS:
        return machine.resolve(configuration.flag(machine, name))
    known = machine.attributes.get((value.symbol.path, name))
    if known is not None:
        return known
    found = _api_attribute(machine, value, name)
    if isinstance(found, Api):
        machine.attributes[value.symbol.path, name] = found
    return found


def _api_attribute(machine: Machine, value: Api, name: str) -> Value:
    path = f"{value.symbol.path}.{name}"
    symbol = tfapi.resolve(path, machine.generation)
    if symbol is None:
        return unknown(f"`{path}` is unknown", None, ("name", path))
    if symbol.name in registry.CONSTANTS:
        return Const(value=registry.CONSTANTS[symbol.name])
    return Api(symbol=symbol)


def object_attribute(machine: Machine, reference: Ref, record: ApiObject, name: str, place: code.Place) -> Value:
    for table in (record.symbol.name, record.kind):
        found = registry.ATTRIBUTES.get(table, {}).get(name)
        if found is not None:
            value = found(machine, reference, record, place)
            if value is not None:
                return value
    attributes = record.fields.get("attributes")
    if attributes and name in attributes:
        return attributes[name]
    other = registry.ATTRIBUTES.get(record.kind, {}).get("*")
    value = other(machine, reference, record, place, name) if other is not None else None
    return value if value is not None else Method(receiver=reference, name=name)


def set_attribute(machine: Machine, value: Value, name: str, new: Value, place: code.Place) -> None:
    """`value.name = new`."""
    if isinstance(value, Ref):
        record = machine.get(value)
        if isinstance(record, InstanceRecord):
            classes.set_instance_attribute(machine, value, record, name, new, place)
        elif isinstance(record, ApiObject) and name == "trainable" and record.kind in ("layer", "model"):
            set_trainable(machine, value, record, machine.resolve(new), place)
        elif isinstance(record, ApiObject) and "__setattr__" in registry.METHODS.get(record.kind, {}):
            given = [Argument(value=Const(value=name), place=place), Argument(value=machine.resolve(new), place=place)]
            call_method(machine, value, "__setattr__", Arguments(given, {}), place)
        elif isinstance(record, ApiObject):
            attributes = {**record.fields.get("attributes", {}), name: machine.resolve(new)}
            record = record.replace(fields={**record.fields, "attributes": attributes})
            parameter = "learning_rate" if name == "lr" and record.kind == "optimizer" else name
            if parameter in record.arguments:
                # What the object was made with does not hold any more, or only for a while.
                record = record.replace(arguments={**record.arguments, parameter: Argument(value=UNKNOWN)})
                if record.kind == "layer":
                    machine.record(Altered(place=place, context=machine.context(), target=value.id, name=name))
            if name == "shuffle" and "shuffled" in record.fields:
                record = record.replace(fields={**record.fields, "shuffled": MISSING})
            machine.put(value, record)
    elif isinstance(value, (Class, Module)):
        machine.write((value.frame, name), new)
    elif type(value) is Unknown and name in CHANGED_IN_PLACE:
        machine.record(Altered(place=place, context=machine.context(), target=None, name=name))


CHANGED_IN_PLACE = frozenset(("activation", "rate"))
"""Arguments of layers that programs change in a network that is made already."""


def overwrite(machine: Machine, value: Value, place: code.Place) -> None:
    """Notes that an attribute of an object, such as `optimizer.learning_rate`, gets another value."""
    if isinstance(value, Method) and isinstance(value.receiver, Ref):
        set_attribute(machine, value.receiver, value.name, UNKNOWN, place)


def set_trainable(machine: Machine, target: Ref, record: ApiObject, new: Value, place: code.Place) -> None:
    attributes = {**record.fields.get("attributes", {}), "trainable": new}
    machine.put(target, record.replace(fields={**record.fields, "attributes": attributes}))
    value = bool(new.value) if isinstance(new, Const) else None
    machine.record(TrainableSet(place=place, context=machine.context(), target=target.id, value=value))


_PASSING = {"dtype", "T", "shape", "ndim", "size", "name", "op", "values", "value"}


def tensor_attribute(machine: Machine, tensor: Tensor, name: str, place: code.Place) -> Value:
    if name == "shape":
        made = machine.operation(tensor)
        is_late = made is not None and made.kind == "placeholder" and made.attributes.get("declared") is None
        if tensor.shape is None or is_late:
            return unknown("a tensor's shape is unknown", place)
        return Tuple(
            items=tuple(
                NONE if _is_batch(d) and tensor.library == "tf" else UNKNOWN if d is None else arrays.dim_value(d)
                for d in tensor.shape
            )
        )
    if name == "ndim" and tensor.shape is not None:
        return Const(value=len(tensor.shape))
    if name == "T" and tensor.shape is not None:
        return call(machine, Method(receiver=tensor, name="transpose"), Arguments([], {}), place)
    if name == "dtype" and tensor.dtype is not None:
        symbol = tfapi.resolve(f"numpy.{tensor.dtype}", machine.generation)
        return UNKNOWN if symbol is None else Api(symbol=symbol)
    if name == "size" and tensor.shape is not None and len(tensor.shape) == 1:
        return arrays.dim_value(tensor.shape[0])
    if tensor.library != "tf":
        if name in ("values", "value"):
            return tensor
        found = registry.ATTRIBUTES.get("array", {}).get(name)
        value = found(machine, tensor, place) if found is not None else None
        if value is not None:
            return value
    if name == "initializer" and (made := machine.operation(tensor)) is not None and made.kind == "variable":
        arguments = {"var_list": Argument(value=tensor, place=place)}
        output = Tensor(shape=())
        return machine.emit("initializer", "tf.variables_initializer", place, (), output, arguments=arguments)
    return Method(receiver=tensor, name=name)


def _is_batch(dim: Any) -> bool:
    return isinstance(dim, DimSymbol) and dim.batch


def call_node(machine: Machine, node: code.Call) -> Value:
    """A call expression."""
    written = node.function
    if type(written) is code.Name and written.id == "super" and not node.arguments:
        return classes.super_value(machine)
    function = expressions.evaluate(machine, written)
    unknown = written if type(function) is Unknown and type(written) is code.Attribute else None
    if unknown is not None and unknown.name in _WEIGHT_SETTERS:
        machine.record(WeightsSet(place=node.place, context=machine.context(), target=None))
    arguments = evaluate_arguments(machine, node.arguments)
    if unknown is not None and unknown.name in _CHANGING:
        change_some(machine, unknown.value)
    check_required(machine, function, node, arguments)
    machine.chosen = (
        type(written) is code.Name and type(function) is Api and not function.symbol.path.endswith(f".{written.id}")
    )
    return call(machine, function, arguments, node.place)


_CHANGING = frozenset(("append", "extend", "insert", "add", "update", "pop", "remove", "clear"))
"""The methods that change a list, set or dict."""

_WEIGHT_SETTERS = frozenset(("set_weights", "load_weights"))
"""The methods that give a layer or a model other weights."""


def change_some(machine: Machine, node: code.Node) -> None:
    """Forgets the lists in a container, one of which is changed: `columns[i].append(...)` with an open index."""
    if type(node) is code.Subscript:
        container = expressions.evaluate(machine, node.value)
        record = machine.get(container)
        known = [item for _, item in record.items] if isinstance(record, DictRecord) else None
        builtins.lose_sight_of(machine, known or builtins.items_of(machine, container) or ())


def evaluate_arguments(machine: Machine, nodes: tuple[code.Argument, ...]) -> Arguments:
    evaluate, name_of = expressions.evaluate, expressions.name_of
    positional: list[Argument] = []
    keywords: dict[str, Argument] = {}
    is_open = False
    for node in nodes:
        written = node.value
        value = evaluate(machine, written)
        place = written.place
        if node.star == 0:
            spelled = None if type(written) is code.Constant else name_of(written)
            if node.keyword is None:
                positional.append(Argument(value=value, place=place, spelled=spelled, positional=True))
            else:
                keywords[node.keyword] = Argument(value=value, place=place, spelled=spelled)
        elif node.star == 1:
            items = builtins.items_of(machine, value)
            if items is None:
                is_open = True
            else:
                positional.extend(Argument(value=item, place=place) for item in items)
        else:
            record = machine.get(value)
            if isinstance(record, DictRecord):
                is_open |= record.open
                for key, item in record.items:
                    if isinstance(key, Const) and isinstance(key.value, str):
                        keywords[key.value] = Argument(value=item, place=place)
            else:
                is_open = True
    return Arguments(positional, keywords, is_open)


def call(machine: Machine, function: Value, arguments: Arguments, place: code.Place) -> Value:
    """`function(arguments)`."""
    machine.burn()
    function = machine.resolve(function)
    kind = type(function)
    if kind is Api:
        return call_api(machine, function, arguments, place)  # type: ignore[arg-type]
    if kind is Method:
        return call_method(machine, function.receiver, function.name, arguments, place)  # type: ignore[attr-defined]
    if kind is Unknown:
        found = fragments.adopted(machine, function, arguments, place)  # type: ignore[arg-type]
        return escape(machine, function, arguments, place) if found is None else found
    if isinstance(function, Function):
        return classes.call_function(machine, function, arguments, place)
    if isinstance(function, Bound):
        inner = Arguments(
            [Argument(value=function.receiver, place=place), *arguments.positional], arguments.keywords, arguments.open
        )
        return call(machine, function.function, inner, place)
    if isinstance(function, Class):
        return classes.instantiate(machine, function, arguments, place)
    if isinstance(function, Partial):
        positional = [Argument(value=value, place=place) for value in function.positional]
        keywords = {name: Argument(value=value, place=place) for name, value in function.keywords}
        keywords.update(function.written)
        return call(
            machine,
            function.function,
            Arguments([*positional, *arguments.positional], {**keywords, **arguments.keywords}, arguments.open),
            place,
        )
    if isinstance(function, Ref):
        record = machine.get(function)
        if isinstance(record, ApiObject):
            handler = registry.CALLABLE.get(record.kind)
            if handler is not None:
                return handler(ApiCall(machine, record.symbol, arguments, place, function))
        if isinstance(record, InstanceRecord):
            return classes.call_instance(machine, function, record, arguments, place)
    return escape(machine, function, arguments, place)


def escape(machine: Machine, function: Value, arguments: Arguments, place: code.Place, name: str = "") -> Value:
    """The unknown result of calling something unknown, which may keep or change what it is given."""
    values = arguments.values()
    tensors = tuple(t for value in values for t in arrays.tensors_in(machine, value))
    for value in values:
        forget(machine, value)
    if tensors:
        machine.emit("opaque", name, place, tensors, Tensor())
    machine.record(Escape(place=place, context=machine.context(), values=tuple(values), function=function))
    if "target" in arguments.keywords and isinstance(function, Unknown) and isinstance(function.origin, tuple):
        _start(machine, function.origin, arguments, place)
    reason = function.reason if isinstance(function, Unknown) else ""
    origin = None
    if isinstance(function, Unknown) and function.origin is not None and not values and not machine.loops:
        origin = ("call", arrays.show_origin(function.origin), machine.identify(place, "call"))
    return Unknown(origin=origin, reason=reason or "the result of a call is unknown", place=place)


def _start(machine: Machine, origin: tuple[Any, ...], arguments: Arguments, place: code.Place) -> None:
    """Runs what a thread or process is made for; it begins later, which nothing here depends on."""
    target = machine.resolve(arguments.keywords["target"].value)
    if origin[-1] in ("Thread", "Process") and isinstance(target, (Function, Bound)):
        given = arguments.keywords.get("args")
        items = machine.resolve(given.value) if given is not None else Tuple(items=())
        positional = [Argument(value=v, place=place) for v in items.items] if isinstance(items, Tuple) else []
        # A thread has a default graph of its own, and the loop around does not wait for what it does.
        with machine.within(loops=()):
            call(machine, target, Arguments(positional, {}, not isinstance(items, Tuple)), place)


def drop(machine: Machine, place: code.Place) -> None:
    """Notes that the result of the unknown call at a place, if that is what came last, is not used."""
    events = machine.recordings[-1].events
    if events and type(events[-1]) is Escape and events[-1].place == place:
        escaped = events[-1]
        events[-1] = escaped.replace(dropped=True)
        for value in escaped.values:
            # What is called for its effect alone may have scaled the arrays that it got; whole numbers stay whole.
            array = machine.resolve(value)
            if isinstance(array, Tensor) and not str(array.dtype).startswith(("int", "uint")):
                aliases.changed_in_place(machine, array, place)


def forget(machine: Machine, value: Value) -> None:
    """Forgets the content of a list or dict that unknown code may have changed."""
    value = machine.resolve(value)
    record = machine.get(value)
    if isinstance(record, ListRecord) and (record.items is None or record.items):
        machine.put(value, ListRecord(items=None, element=UNKNOWN, kind=record.kind))  # type: ignore[arg-type]
    elif isinstance(record, DictRecord):
        machine.put(value, record.replace(open=True))  # type: ignore[arg-type]
    elif isinstance(record, ApiObject) and "__forget__" in registry.METHODS.get(record.kind, {}):
        call_method(machine, value, "__forget__", Arguments([], {}), record.place)


KIND_BY_PREFIX = (
    ("keras.layers.", "layer"),
    ("keras.optimizers.schedules.", "schedule"),
    ("keras.optimizers.", "optimizer"),
    ("keras.losses.", "loss"),
    ("keras.metrics.", "metric"),
    ("keras.initializers.", "initializer"),
    ("keras.regularizers.", "regularizer"),
    ("keras.callbacks.", "callback"),
    ("keras.models.", "model"),
    ("tf.initializers.", "initializer"),
)


_LAYERS_OF_1 = frozenset(
    f"tf.layers.{name}"
    for name in (
        "Dense", "Flatten", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D",
        "SeparableConv2D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D",
        "AveragePooling3D",
    )
)  # fmt: skip
"""Layer objects of TensorFlow 1 that do what those of Keras do; the others ask for a flag of training."""


def object_kind(symbol: tfapi.Symbol) -> str:
    """The kind of object that a class of the API makes."""
    if symbol.name.startswith("tf.train.") and symbol.name.endswith("Optimizer"):
        return "optimizer"
    if symbol.name in _LAYERS_OF_1:
        return "layer"
    if symbol.kind == "unknown" and ".engine." in symbol.path:
        return "object"  # a part of Keras' own machinery, such as the nodes between layers
    for prefix, kind in KIND_BY_PREFIX:
        if symbol.name.startswith(prefix):
            return kind
    return "object"


def call_api(machine: Machine, function: Api, arguments: Arguments, place: code.Place) -> Value:
    symbol = function.symbol
    if arguments.keywords:
        check_keywords(machine, symbol, arguments)
    handler = registry.HANDLERS.get(symbol.name)
    if handler is None and symbol.name.startswith("pandas."):
        # Imported late: most programs have no tables.
        from trainlint.interpret.api import frame_methods  # noqa: F401

        handler = registry.HANDLERS.get(symbol.name)
    if symbol.name.startswith("tf.contrib."):
        arguments = contexts.with_defaults(machine, symbol, arguments)
    api_call = ApiCall(machine, symbol, arguments, place)
    if handler is not None:
        return handler(api_call)
    if symbol.kind == "class" or (object_kind(symbol) != "object" and symbol.name.rsplit(".", 1)[-1][:1].isupper()):
        kind = object_kind(symbol)
        if kind == "layer":
            api_call.arguments = layer_arguments(machine, symbol, arguments)
        return api_call.object(kind)
    return api_call.opaque()


_ACCEPTED: dict[tuple[str, str], frozenset[str] | None] = {}
"""By path and generation: the parameters of a function; None where it takes any, or where they are not known."""

_UNCHECKED = ("tf.contrib.", "tf.estimator.", "keras.optimizers.", "keras.layers.")
"""What lets arguments through to others, or has tables that do not go back to its first versions."""


def _accepted(symbol: tfapi.Symbol, generation: str) -> frozenset[str] | None:
    key = (symbol.path, generation)
    if key not in _ACCEPTED:
        signature = tfapi.signature(symbol, generation)
        takes_any = signature is None or any(p.kind == "double-star" for p in signature.parameters)
        _ACCEPTED[key] = None if takes_any or signature is None else frozenset(p.name for p in signature.parameters)
    return _ACCEPTED[key]


def check_keywords(machine: Machine, symbol: tfapi.Symbol, arguments: Arguments) -> None:
    """Records keyword arguments that no generation of a function takes."""
    accepted = _accepted(symbol, machine.generation)
    if accepted is None or accepted.issuperset(arguments.keywords) or (machine.chosen and machine.conditions):
        return
    if not symbol.name.startswith(("tf.", "keras.")) or symbol.name.startswith(_UNCHECKED):
        return
    if machine.generation not in tfapi.availability(symbol):
        return  # the name itself is what is wrong
    names = set(accepted)
    root = "tensorflow" + symbol.name[2:] if symbol.name.startswith("tf.") else symbol.name
    for generation in tfapi.GENERATIONS:
        for path in (symbol.path, root):
            other = tfapi.resolve(path, generation)
            known = None if other is None else _accepted(other, generation)
            if known is None and other is not None and tfapi.signature(other, generation) is not None:
                return
            names |= known or set()
    for name, argument in arguments.keywords.items():
        if name not in names and argument.place is not None:
            known_names = tuple(sorted(accepted))
            machine.record(SurplusArgument(argument.place, machine.context(), symbol.name, name, known_names))


def call_method(machine: Machine, receiver: Value, name: str, arguments: Arguments, place: code.Place) -> Value:
    """`receiver.name(arguments)` of a value that the machine implements."""
    receiver = machine.resolve(receiver)
    machine.method_name = name
    if isinstance(receiver, Tensor):
        handler = registry.METHODS.get("tensor", {}).get(name)
        if handler is not None:
            symbol = tfapi.Symbol(name=f"tensor.{name}", path=name, flavour=receiver.library, kind="function")
            return handler(ApiCall(machine, symbol, arguments, place, receiver))
        inputs = (receiver, *(t for value in arguments.values() for t in arrays.tensors_in(machine, value)))
        machine.emit("opaque", name, place, inputs, Tensor())
        return unknown(f"the method `{name}` of a tensor is not modelled", place)
    if isinstance(receiver, Ref):
        record = machine.get(receiver)
        if isinstance(record, (ListRecord, DictRecord)):
            return builtins.container_method(machine, receiver, record, name, arguments, place)
        if isinstance(record, ApiObject):
            if arguments.keywords:
                known = tfapi.resolve(f"{record.symbol.path}.{name}", machine.generation)
                if known is not None:
                    check_keywords(machine, known, arguments)
            for table in (record.symbol.name, record.kind):
                handler = registry.METHODS.get(table, {}).get(name)
                if handler is not None:
                    return handler(ApiCall(machine, record.symbol, arguments, place, receiver))
            return _unmodelled_method(machine, record, name, arguments, place)
        if isinstance(record, InstanceRecord):
            return classes.call_inherited(machine, receiver, record, name, arguments, place)
    if isinstance(receiver, (Const, Tuple, Stream)):
        return builtins.value_method(machine, receiver, name, arguments, place)
    if name.startswith("assign"):
        overwrite(machine, receiver, place)
    return escape(machine, receiver if isinstance(receiver, Unknown) else UNKNOWN, arguments, place)


def _unmodelled_method(
    machine: Machine, record: ApiObject, name: str, arguments: Arguments, place: code.Place
) -> Value:
    tensors = tuple(t for value in arguments.values() for t in arrays.tensors_in(machine, value))
    if tensors:
        machine.emit("opaque", f"{record.symbol.name}.{name}", place, tensors, Tensor())
    hand_over(machine, f"{record.symbol.name}.{name}", arguments.values(), place)
    return unknown(f"the method `{name}` of `{record.symbol.name}` is not modelled", place)


def tensor_binary(
    machine: Machine,
    sign: str,
    left: Value,
    right: Value,
    place: code.Place,
    operands: Mapping[str, Argument] | None = None,
) -> Value:
    """`left sign right` where at least one is an array or tensor; `operands` are x and y as they were written."""
    a, b = arrays.as_tensor(machine, left), arrays.as_tensor(machine, right)
    kind = arithmetic.KIND_OF_OPERATOR.get(sign)
    if kind == "matmul":
        handler = registry.HANDLERS.get("tf.matmul")
        symbol = tfapi.resolve("tensorflow.matmul", machine.generation)
        if handler is not None and symbol is not None:
            pair = [Argument(value=left, place=place), Argument(value=right, place=place)]
            return handler(ApiCall(machine, symbol, Arguments(pair, {}), place))
    if kind is None or (a is None and b is None):
        return UNKNOWN
    if a is None or b is None:
        known = a if a is not None else b
        assert known is not None
        # The other operand is unknown: so are shape and range, but the graph still knows that this tensor is used.
        result = Tensor(library=known.library, dtype="bool" if kind == "compare" else None)
        if isinstance(right if known is a else left, Const):
            result = result.replace(shape=known.shape)  # each word of an array is compared with one
        if known.op is None and known.library == "python":
            return UNKNOWN
        pair_values = (left, right)
        return machine.emit(
            kind,
            f"operator {sign}",
            place,
            pair_values,
            result,
            arguments=operands or {},
            attributes={"operator": sign},
        )
    return elementwise(machine, kind, a, b, place, operands=operands, operator=sign)


def object_binary(machine: Machine, sign: str, left: Value, right: Value, place: code.Place) -> Value | None:
    """`left sign right` where an API object has operators of its own."""
    for value in (left, right):
        record = machine.get(value) if type(value) is Ref else None
        handler = registry.OPERATORS.get(record.kind) if isinstance(record, ApiObject) else None
        if handler is not None:
            return handler(machine, sign, left, right, place)
    return None


def elementwise(
    machine: Machine, kind: str, a: Tensor, b: Tensor, place: code.Place, name: str = "",
    operands: Mapping[str, Argument] | None = None, **attributes: Any,
) -> Tensor:  # fmt: skip
    """Records an elementwise operation of two tensors; Python numbers alone are only computed."""
    result = arithmetic.binary(kind, a, b)
    if result.library == "python":
        return result
    name = name or f"operator {attributes.get('operator', kind)}"
    return machine.emit(kind, name, place, (a, b), result, arguments=operands or {}, attributes=attributes)


def tensor_unary(machine: Machine, kind: str, tensor: Tensor, place: code.Place) -> Tensor:
    low = None if tensor.high is None else -tensor.high
    high = None if tensor.low is None else -tensor.low
    values = None if tensor.values is None else tuple(sorted(-v for v in tensor.values))
    result = tensor.replace(low=low, high=high, values=values, encoding=None, op=None)
    if kind == "negative" and tensor.dtype == "uint8":
        result = result.replace(low=0.0, high=255.0, values=None, rms=None)  # bytes have no sign
    if kind == "logical":
        result = tensor.replace(op=None)
    elif tensor.activation != "linear":
        result = result.replace(activation=None)
    if tensor.library == "python":
        return result
    return machine.emit(kind, f"operator {kind}", place, (tensor,), result)
