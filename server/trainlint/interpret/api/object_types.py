"""What programs ask about objects: `isinstance`, `type`, `hasattr`, `callable`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import builtins, classes
from trainlint.interpret.api.registry import handles
from trainlint.program.values import (
    ARRAY_TYPE,
    FALSE,
    TRUE,
    UNKNOWN,
    Api,
    ApiObject,
    Bound,
    Class,
    Const,
    DictRecord,
    Dimension,
    Function,
    InstanceRecord,
    ListRecord,
    Method,
    Partial,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine


@handles("builtins.isinstance")
def _isinstance(call: ApiCall) -> Value:
    value = call.first
    classes_ = (
        call.machine.resolve(call.arguments.positional[1].value) if len(call.arguments.positional) > 1 else UNKNOWN
    )
    options = builtins.items_of(call.machine, classes_) or [classes_]
    answers = [_is_instance(call.machine, value, call.machine.resolve(option)) for option in options]
    if True in answers:
        return TRUE
    return FALSE if all(answer is False for answer in answers) else UNKNOWN


_TYPES = frozenset(("int", "float", "str", "bool", "bytes", "tuple", "list", "set"))
_PYTHON_TYPES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "bytes": bytes}


def _is_instance(machine: Machine, value: Value, option: Value) -> bool | None:
    record = machine.get(value)
    if isinstance(option, Api) and option.symbol.name.startswith("builtins."):
        name = option.symbol.name.rsplit(".", 1)[-1]
        if name in ("object", "type"):
            return True if name == "object" or isinstance(value, Class) else None
        if isinstance(record, InstanceRecord):
            return _derives(machine, record.cls, option)
        if isinstance(value, Const):
            return isinstance(value.value, _PYTHON_TYPES[name]) if name in _PYTHON_TYPES else False
        if isinstance(value, Tuple):
            return name == "tuple"
        if isinstance(record, ListRecord):
            return name == record.kind
        if isinstance(record, DictRecord):
            return name == "dict"
        if isinstance(value, Dimension):
            return name == "int"
        if isinstance(value, (Function, Api, Class)) or record is not None:
            return False
        # A single number of NumPy may be a `float` too.
        if isinstance(value, Tensor) and (value.library == "tf" or (value.library == "np" and value.shape)):
            return False
        return None
    if isinstance(option, Class) and isinstance(record, InstanceRecord):
        return _derives(machine, record.cls, option)
    if isinstance(value, (Const, Tuple)) or isinstance(record, (ListRecord, DictRecord)):
        return False if isinstance(option, (Class, Api)) else None
    if isinstance(record, ApiObject) and isinstance(option, Api):
        return True if record.symbol.name == option.symbol.name else None
    if isinstance(value, Tensor) and isinstance(option, Api) and machine.generation == "1.x":
        return _is_tensor(machine, value, option.symbol.name)
    return None


def _is_tensor(machine: Machine, value: Tensor, name: str) -> bool | None:
    """Whether a result is of a class of TensorFlow 1; later there are symbolic tensors of Keras, and eager ones."""
    operation = None if value.op is None else machine.operation(value.op)
    if operation is None or name not in ("tf.Tensor", "tf.Variable", "np.ndarray"):
        return None
    if value.library != "tf":
        return False if name != "np.ndarray" else None
    is_variable = operation.kind == "variable"
    made_by = "" if operation.symbol is None else operation.symbol.name
    if not is_variable and (not made_by.startswith("tf.") or "sparse" in made_by):
        return None
    return is_variable == (name == "tf.Variable") and name != "np.ndarray"


def _derives(machine: Machine, cls: Value, wanted: Class | Api, depth: int = 0) -> bool | None:
    cls = machine.resolve(cls)
    if cls == wanted or (isinstance(cls, Api) and isinstance(wanted, Api) and cls.symbol.name == wanted.symbol.name):
        return True
    if isinstance(cls, Class) and depth < 8:
        answers = [_derives(machine, base, wanted, depth + 1) for base in cls.bases]
        return True if True in answers else None if None in answers else False
    return False if isinstance(cls, Api) else None


@handles("builtins.hasattr", "builtins.callable")
def _hasattr(call: ApiCall) -> Value:
    value = call.first
    if call.name == "builtins.callable":
        return (
            TRUE
            if isinstance(value, (Function, Api, Class, Bound, Method, Partial))
            else FALSE
            if isinstance(value, Const)
            else UNKNOWN
        )
    values = [call.machine.resolve(a.value) for a in call.arguments.positional]
    record = call.machine.get(value)
    if isinstance(record, InstanceRecord) and len(values) > 1 and isinstance(values[1], Const):
        return _has(call.machine, record, str(values[1].value))
    return UNKNOWN


def _has(machine: Machine, record: InstanceRecord, name: str) -> Value:
    """Whether an object of a class of the user has an attribute; unknown where others may have set it."""
    if name in record.attributes or classes.lookup_in_class(machine, record.cls, name) is not None:
        return TRUE
    is_open = "__open__" in record.attributes or classes.lookup_in_class(machine, record.cls, "__getattr__") is not None
    return UNKNOWN if is_open or _inherits(machine, record.cls) else FALSE


def _inherits(machine: Machine, cls: Value, depth: int = 0) -> bool:
    """Whether a class has a base that is not the user's, or may have one."""
    cls = machine.resolve(cls)
    if isinstance(cls, Class) and depth < 8:
        return any(_inherits(machine, base, depth + 1) for base in cls.bases)
    return not (isinstance(cls, Api) and cls.symbol.name == "builtins.object")


@handles("builtins.type")
def _type(call: ApiCall) -> Value:
    value = call.first
    record = call.machine.get(value)
    if isinstance(record, InstanceRecord):
        return record.cls
    if isinstance(value, Const):
        return _named(type(value.value).__name__)
    if type(value) is Tuple:
        return _named("tuple")
    if isinstance(record, ListRecord):
        return _named(record.kind)
    is_array = isinstance(value, Tensor) and (value.library == "tf" or (value.library == "np" and value.shape != ()))
    return Unknown(origin=ARRAY_TYPE) if is_array else UNKNOWN


def _named(name: str) -> Value:
    """One of Python's own types."""
    return (builtins.constant(name) if name in _TYPES else None) or UNKNOWN
