"""Functions and classes of the user: binding parameters, running bodies, attributes along the bases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import calls, expressions, statements
from trainlint.interpret.api import namespaces, registry
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.joins import choose, join
from trainlint.interpret.machine import MAX_DEPTH, MISSING, unknown
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    Argument,
    Bound,
    Class,
    Const,
    DictRecord,
    Frame,
    Function,
    InstanceRecord,
    Method,
    Ref,
    Stream,
    Super,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip
from trainlint.source import code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.interpret.machine import Machine


LARGE = 1_500
"""Steps from which on a function counts as large: the builder of a network, not a helper for one layer."""

MAX_ENTRIES = 3
"""So often roots run one large function: a fourth network from the same builder shows the same mistakes."""


def call_function(machine: Machine, function: Function, arguments: Arguments, place: code.Place) -> Value:
    """Runs a function of the user and gives its result."""
    define = function.define
    if _is_active(machine.frame, function):
        return calls.escape(machine, unknown(f"`{function.name}` is recursive"), arguments, place)
    if machine.frame is not None and machine.frame.depth >= MAX_DEPTH:
        reason = f"`{function.name}` is called too deep to be followed"
        return calls.escape(machine, unknown(reason), arguments, place)
    machine.write(("called", define), True)
    left = machine.left()
    if machine.in_root and not machine.loops:
        entries = machine.read(("entries", define))
        if entries is not MISSING and entries >= MAX_ENTRIES:
            return calls.escape(machine, unknown(f"`{function.name}` was followed often enough"), arguments, place)
    frame = machine.enter(function.name, place, function.frame.document, function.frame, define)
    frame.lexical = function.frame
    if function.owner is not None and arguments.positional:
        # What `super()` without arguments needs.
        machine.write((frame, "__class__"), function.owner)
        machine.write((frame, "__self__"), arguments.positional[0].value)
    bind_parameters(machine, frame, function, arguments)
    outcomes: list[Any] = []
    yields: list[Value] = []
    graph = frame if function.graph else machine.graph
    with machine.within(
        frame=frame, returns=outcomes, yields=yields, skipped=[], conditions=machine.conditions, graph=graph
    ):
        if isinstance(define, code.Lambda):
            return expressions.evaluate(machine, define.body)
        jump = statements.execute(machine, define.body)
    if machine.in_root and not machine.loops and left - machine.left() >= LARGE:
        entries = machine.read(("entries", define))
        machine.write(("entries", define), 1 if entries is MISSING else entries + 1)
    if define.is_generator:
        element: Value | None = None
        for value in yields:
            element = value if element is None else join(element, value)
        return Stream(element=UNKNOWN if element is None else element)
    return fold_returns(outcomes, falls_through=jump is None)


def fold_returns(outcomes: list[Any], falls_through: bool) -> Value:
    """One value for all `return` statements that may end a call, as a choice by the conditions that they stand under.

    An outcome is a value, or what the branches of an open `if` returned: (condition, outcomes, other outcomes).
    """
    if not outcomes:
        return NONE if falls_through else UNKNOWN
    return _folded(outcomes, NONE if falls_through else _last(outcomes))


def _folded(outcomes: Sequence[Any], otherwise: Value) -> Value:
    """What the outcomes of a block come to; `otherwise` is what comes of the code behind it."""
    result = otherwise
    for outcome in reversed(outcomes):
        if isinstance(outcome, Value):
            result = outcome
        else:
            condition, then, other = outcome
            result = choose(condition, _folded(then, result), _folded(other, result))
    return result


def _last(outcomes: Sequence[Any]) -> Value:
    """The value of the last `return`: of a block that is left by one it stands for what no branch is known to give."""
    while not isinstance(outcomes[-1], Value):
        _, then, other = outcomes[-1]
        outcomes = other or then
    return outcomes[-1]


def _is_active(frame: Frame | None, function: Function) -> bool:
    """Whether a function is running already; what a decorator makes of two functions are two."""
    while frame is not None:
        if frame.code is function.define and frame.lexical is function.frame:
            return True
        frame = frame.parent
    return False


def bind_parameters(machine: Machine, frame: Frame, function: Function, arguments: Arguments) -> None:
    """Writes the parameters of a call into its frame."""
    parameters = function.define.parameters
    defaults = dict(function.defaults)
    positional = list(arguments.positional)
    keywords = dict(arguments.keywords)
    # What nothing calls is entered with its defaults, but whoever calls it may give more than those.
    owner = function.owner.define.place if isinstance(function.owner, Class) else None
    is_open = arguments.open or frame.place in (function.define.place, owner)
    for parameter in parameters:
        name = parameter.name
        if parameter.kind == "star":
            machine.write((frame, name), Tuple(items=tuple(a.value for a in positional)) if not is_open else UNKNOWN)
            positional = []
            continue
        if parameter.kind == "double-star":
            items = tuple((Const(value=key), argument.value) for key, argument in keywords.items())
            with machine.within(frame=frame):
                value: Value = machine.new(parameter.place, DictRecord(items=items, open=is_open), "kwargs")
            machine.write((frame, name), value)
            keywords = {}
            continue
        if parameter.kind in ("normal", "positional-only") and positional:
            argument: Argument | None = positional.pop(0)
        else:
            argument = keywords.pop(name, None) if parameter.kind != "positional-only" else None
        if argument is not None:
            value = argument.value
            if argument.place is not None:
                machine.write((frame, name, "argument"), argument.place)
        elif name in defaults and not arguments.open:
            value = defaults[name]
        else:
            value = unknown(
                f"the argument `{name}` is unknown", parameter.place, None if machine.loops else ("parameter", name)
            )
        machine.write((frame, name), value)


# Classes -------------------------------------------------------------------------------------------------------------


def lookup_in_class(machine: Machine, cls: Value, name: str) -> Value | None:
    """The value of a name in a class of the user or its bases of the user; None when it is not there."""
    return _found_in(machine, order(machine, cls), name)


def _found_in(machine: Machine, classes: list[Class], name: str) -> Value | None:
    for cls in classes:
        found = machine.read((cls.frame, name))
        if found is not MISSING:
            return machine.resolve(found)
    return None


def order(machine: Machine, cls: Value, depth: int = 0) -> list[Class]:
    """A class of the user and its bases of the user in the order in which Python looks for a name."""
    cls = machine.resolve(cls)
    if not isinstance(cls, Class) or depth > 8:
        return []
    lines = [line for base in cls.bases if (line := order(machine, base, depth + 1))]
    if len(lines) < 2:
        return [cls, *(lines[0] if lines else ())]
    found = [cls]
    lines.append([line[0] for line in lines])
    while lines:
        # A base comes after all that derive from it.
        later = {base.frame for line in lines for base in line[1:]}
        first = next((line[0] for line in lines if line[0].frame not in later), lines[0][0])
        found.append(first)
        lines = [rest for line in lines if (rest := [base for base in line if base.frame is not first.frame])]
    return found


def api_base(machine: Machine, cls: Value, depth: int = 0) -> Api | None:
    """The first base of a class that belongs to a known package: `keras.Model`, `keras.layers.Layer`..."""
    cls = machine.resolve(cls)
    if isinstance(cls, Api):
        return cls
    if not isinstance(cls, Class) or depth > 8:
        return None
    for base in cls.bases:
        found = api_base(machine, base, depth + 1)
        if found is not None and not found.symbol.name.startswith("builtins."):
            return found
    return None


def has_unknown_base(machine: Machine, cls: Value, depth: int = 0) -> bool:
    cls = machine.resolve(cls)
    if isinstance(cls, Class):
        return any(has_unknown_base(machine, base, depth + 1) for base in cls.bases) if depth < 8 else True
    return not isinstance(cls, Api)


def is_test_case(machine: Machine, cls: Class) -> bool:
    """Whether a class is a unit test: a `TestCase` of unittest, of TensorFlow, or of a library that is not followed."""
    base = api_base(machine, cls)
    if base is not None and base.symbol.name.endswith("TestCase"):
        return True
    written = [expressions.name_of(argument.value) for each in order(machine, cls) for argument in each.define.bases]
    return any(name is not None and name.rsplit(".", 1)[-1] == "TestCase" for name in written)


def class_attribute(machine: Machine, cls: Class, name: str, place: code.Place) -> Value:
    found = lookup_in_class(machine, cls, name)
    if found is not None:
        return _unwrap_class_access(machine, cls, found)
    if name == "__name__":
        return Const(value=cls.define.name)
    return Method(receiver=cls, name=name)


def _unwrap_class_access(machine: Machine, cls: Value, found: Value) -> Value:
    kind = _method_kind(found)
    if kind == "classmethod":
        return Bound(function=found, receiver=cls)
    return found


def _method_kind(value: Value) -> str:
    define = value.define if isinstance(value, Function) else None
    for decorator in getattr(define, "decorators", ()):
        if isinstance(decorator, code.Name) and decorator.id in ("staticmethod", "classmethod", "property"):
            return decorator.id
        if isinstance(decorator, (code.Name, code.Attribute)):
            last = decorator.id if isinstance(decorator, code.Name) else decorator.name
            if last in ("property", "abstractproperty", "setter", "getter"):
                return "property"
            if "property" in last:
                return "cached property"  # who has one of his own, such as `lazy_property`, keeps what it gives
    return ""


def instance_attribute(machine: Machine, reference: Ref, record: InstanceRecord, name: str, place: code.Place) -> Value:
    found: Value | None = record.attributes.get(name)
    if found is not None:
        return machine.resolve(found)
    if name == "__dict__":
        return namespaces.namespace(machine, reference, place)
    found = lookup_in_class(machine, record.cls, name)
    if found is not None:
        kind = _method_kind(found)
        if isinstance(found, Function) and kind.endswith("property"):
            given = call_function(machine, found, Arguments([Argument(value=reference, place=place)], {}), place)
            now = machine.get(reference)
            if kind == "cached property" and isinstance(now, InstanceRecord):
                machine.put(reference, now.replace(attributes={**now.attributes, name: given}))
            return given
        if kind == "staticmethod" or not isinstance(found, Function):
            return found
        return Bound(function=found, receiver=record.cls if kind == "classmethod" else reference)
    if name == "__class__":
        return record.cls
    base = api_base(machine, record.cls)
    if base is not None:
        for table in (base.symbol.name, base_kind(base)):
            handler = registry.ATTRIBUTES.get(table, {}).get(name)
            if handler is not None:
                value = handler(machine, reference, record, place)
                if value is not None:
                    return value
        return Method(receiver=reference, name=name)
    getter = lookup_in_class(machine, record.cls, "__getattr__")
    if getter is None and not has_unknown_base(machine, record.cls) and "__open__" not in record.attributes:
        return unknown(f"the attribute `{name}` is not set before it is used", place)
    return Unknown(
        origin=("attr", ("object", reference.id), name), reason=f"the attribute `{name}` is unknown", place=place
    )


def set_instance_attribute(
    machine: Machine, reference: Ref, record: InstanceRecord, name: str, new: Value, place: code.Place
) -> None:
    """`object.name = new`, also where the user's class has a setter for it."""
    setter = lookup_in_class(machine, record.cls, f"{name}.setter")
    if isinstance(setter, Function):
        given = [Argument(value=reference, place=place), Argument(value=new, place=place)]
        call_function(machine, setter, Arguments(given, {}), place)
    else:
        machine.put(reference, record.replace(attributes={**record.attributes, name: new}))


def base_kind(base: Api) -> str:
    """Which table of methods serves instances of a class derived from an API class."""
    name = base.symbol.name
    if name in ("keras.Model", "keras.models.Model", "keras.Sequential", "keras.models.Sequential"):
        return "model"
    if name.startswith("keras.layers.") or name == "tf.Module":
        return "layer"
    return calls.object_kind(base.symbol)


def super_value(machine: Machine) -> Value:
    """`super()` in the running method."""
    frame: Frame | None = machine.frame
    while frame is not None:
        owner = machine.read((frame, "__class__"))
        if owner is not MISSING:
            receiver = machine.read((frame, "__self__"))
            return Super(owner=owner, receiver=receiver)
        frame = frame.lexical
    return UNKNOWN


def super_attribute(machine: Machine, value: Super, name: str, place: code.Place) -> Value:
    owner = machine.resolve(value.owner)
    record = machine.get(value.receiver)
    line = order(machine, record.cls if isinstance(record, InstanceRecord) else value.receiver)
    frames = [cls.frame for cls in line]
    if isinstance(owner, Class):
        line = line[frames.index(owner.frame) + 1 :] if owner.frame in frames else order(machine, owner)[1:]
        found = _found_in(machine, line, name)
        if isinstance(found, Function):
            return Bound(function=found, receiver=value.receiver)
        if found is not None:
            return found
    if name == "__init__":
        return Method(receiver=value, name=name)
    if isinstance(machine.get(value.receiver), InstanceRecord):
        return Method(receiver=value.receiver, name=name)
    return UNKNOWN


def instantiate(machine: Machine, cls: Class, arguments: Arguments, place: code.Place) -> Value:
    """`Class(arguments)`."""
    reference = machine.new(place, InstanceRecord(cls=cls, attributes={}, place=place), "instance")
    constructor = lookup_in_class(machine, cls, "__init__")
    if isinstance(constructor, Function):
        self_argument = Argument(value=reference, place=place)
        call_function(
            machine,
            constructor,
            Arguments([self_argument, *arguments.positional], arguments.keywords, arguments.open),
            place,
        )
        return reference
    if _is_dataclass(machine, cls):
        _fill_in(machine, reference, cls, arguments, place)
        return reference
    base = api_base(machine, cls)
    if base is not None:
        handler = registry.METHODS.get("subclass", {}).get("__init__")
        if handler is not None:
            handler(ApiCall(machine, base.symbol, arguments, place, reference))
    return reference


def _fill_in(machine: Machine, reference: Ref, cls: Class, arguments: Arguments, place: code.Place) -> None:
    """What the constructor does that a dataclass gets for its fields."""
    from trainlint.interpret.api import configuration

    attributes: dict[str, Value] = {}
    for index, (name, default) in enumerate(_fields(machine, cls).items()):
        if index < len(arguments.positional):
            attributes[name] = arguments.positional[index].value
        elif name in arguments.keywords:
            attributes[name] = arguments.keywords[name].value
        elif default is MISSING or arguments.open:
            attributes[name] = unknown(f"the field `{name}` is unknown", place)
        else:
            attributes[name] = configuration.field_default(machine, machine.resolve(default), place)
    machine.put(reference, InstanceRecord(cls=cls, attributes=attributes, place=place))
    for hook in ("__post_init__", "__attrs_post_init__"):
        function = lookup_in_class(machine, cls, hook)
        if isinstance(function, Function):
            call_function(machine, function, Arguments([Argument(value=reference, place=place)], {}), place)


def _fields(machine: Machine, cls: Value, depth: int = 0) -> dict[str, Any]:
    """The fields of a dataclass with their defaults, those of its bases first."""
    cls = machine.resolve(cls)
    if not isinstance(cls, Class) or depth > 8:
        return {}
    found: dict[str, Any] = {}
    for base in reversed(cls.bases):
        found.update(_fields(machine, base, depth + 1))
    own = machine.read((cls.frame, "__fields__")) if _declares_fields(machine, cls) else MISSING
    for name in () if own is MISSING else own:
        found[name] = machine.read((cls.frame, name))
    return found


def _is_dataclass(machine: Machine, cls: Value, depth: int = 0) -> bool:
    """Whether a class, or one that it inherits its constructor from, makes its fields of what it is called with."""
    cls = machine.resolve(cls)
    if not isinstance(cls, Class) or depth > 8:
        return False
    return _declares_fields(machine, cls) or any(_is_dataclass(machine, base, depth + 1) for base in cls.bases)


def _declares_fields(machine: Machine, cls: Class) -> bool:
    """Whether the annotated names of a class are its fields."""
    for decorator in cls.define.decorators:
        node = decorator.function if isinstance(decorator, code.Call) else decorator
        name = node.id if isinstance(node, code.Name) else node.name if isinstance(node, code.Attribute) else ""
        if name in ("dataclass", "define", "s", "attrs", "frozen", "chex"):
            return True
    base = api_base(machine, cls)
    return base is not None and base.symbol.name.endswith(("NamedTuple", "BaseModel"))


def call_instance(
    machine: Machine, reference: Ref, record: InstanceRecord, arguments: Arguments, place: code.Place
) -> Value:
    """`instance(arguments)`: a user's `__call__`, or `call` of a Keras layer or model."""
    method = lookup_in_class(machine, record.cls, "__call__")
    if isinstance(method, Function):
        return call_function(
            machine,
            method,
            Arguments(
                [Argument(value=reference, place=place), *arguments.positional], arguments.keywords, arguments.open
            ),
            place,
        )
    base = api_base(machine, record.cls)
    if base is not None:
        handler = registry.CALLABLE.get("subclass")
        if handler is not None:
            return handler(ApiCall(machine, base.symbol, arguments, place, reference))
    return calls.escape(machine, UNKNOWN, arguments, place)


def call_inherited(
    machine: Machine, reference: Ref, record: InstanceRecord, name: str, arguments: Arguments, place: code.Place
) -> Value:
    """A method that an instance inherits from an API class: `self.compile(...)`, `self.add_weight(...)`."""
    base = api_base(machine, record.cls)
    machine.method_name = name
    if base is not None:
        for table in (base.symbol.name, base_kind(base), "subclass"):
            handler = registry.METHODS.get(table, {}).get(name)
            if handler is not None:
                return handler(ApiCall(machine, base.symbol, arguments, place, reference))
    return calls.escape(machine, UNKNOWN, arguments, place, f"keras.Model.{name}")


def method_of(machine: Machine, reference: Ref, name: str) -> Function | None:
    """A method that the user wrote for an instance."""
    record = machine.get(reference)
    if not isinstance(record, InstanceRecord):
        return None
    found = lookup_in_class(machine, record.cls, name)
    return found if isinstance(found, Function) else None
