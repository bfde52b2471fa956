"""One call of an API function: its bound arguments, and what handlers need to answer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.element_types import DTYPES
from trainlint.interpret import arrays, builtins
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program.events import Escape
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Const,
    Function,
    Ref,
    Tensor,
    Tuple,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place
    from trainlint.tfapi import Symbol


_OPEN = Argument(value=UNKNOWN)


class Arguments:
    """The evaluated arguments of a call; `open` when `*args` or `**kwargs` could not be read."""

    __slots__ = ("positional", "keywords", "open")

    def __init__(self, positional: list[Argument], keywords: dict[str, Argument], open: bool = False) -> None:
        self.positional = positional
        self.keywords = keywords
        self.open = open

    def values(self) -> list[Value]:
        return [argument.value for argument in (*self.positional, *self.keywords.values())]


class ApiCall:
    """What a handler sees of a call."""

    def __init__(
        self,
        machine: Machine,
        symbol: Symbol,
        arguments: Arguments,
        place: Place,
        receiver: Value | None = None,
    ) -> None:
        self.machine = machine
        self.symbol = symbol
        self.arguments = arguments
        self.place = place
        self.receiver = receiver
        self._bound: dict[str, Argument] | None = None

    @property
    def name(self) -> str:
        return self.symbol.name

    @property
    def is_v1(self) -> bool:
        """Whether the call has the TensorFlow 1 meaning."""
        return tfapi.is_v1(self.symbol, self.machine.generation)

    @property
    def first(self) -> Value:
        """The first argument of a function that takes it by position; UNKNOWN without one."""
        return self.machine.resolve(self.arguments.positional[0].value) if self.arguments.positional else UNKNOWN

    @property
    def bound(self) -> Mapping[str, Argument]:
        """The arguments by parameter name, defaults included; surplus ones under "*0", "*1" and their keyword."""
        if self._bound is None:
            self._bound = bind(self.machine, self.symbol, self.arguments)
        return self._bound

    def bind_as(self, *names: str, **defaults: Any) -> ApiCall:
        """Binds by a signature that the handler knows better than the tables (`defaults` are Python constants)."""
        order = [*names, *(name for name in defaults if name not in names)]
        if self.arguments.open:
            bound = dict.fromkeys(order, _OPEN)
        else:
            bound = {name: Argument(value=Const(value=value)) for name, value in defaults.items()}
        for index, argument in enumerate(self.arguments.positional):
            bound[order[index] if index < len(order) else f"*{index}"] = argument
        bound.update(self.arguments.keywords)
        self._bound = bound
        return self

    def argument(self, *names: str) -> Argument | None:
        """The first bound argument of these names: one parameter had several names over the years."""
        for name in names:
            found = self.bound.get(name)
            if found is not None and (found.given or len(names) == 1):
                return found
        for name in names:
            if name in self.bound:
                return self.bound[name]
        return None

    def given(self, *names: str) -> Argument | None:
        """The argument if the author wrote it."""
        argument = self.argument(*names)
        return argument if argument is not None and argument.given else None

    def value(self, *names: str) -> Value:
        """The value of an argument, unknown when it is not bound."""
        argument = self.argument(*names)
        if argument is None:
            return unknown() if self.arguments.open else NONE
        return self.machine.resolve(argument.value)

    def constant(self, *names: str, default: Any = None) -> Any:
        """The Python constant of an argument; `default` when it is None, missing or not a constant."""
        value = self.value(*names)
        if isinstance(value, Const) and value.value is not None:
            return value.value
        return default

    def settled(self, *names: str, default: Any) -> Any:
        """The Python constant of an argument; `default` where none is given, None where it is not known."""
        value = self.value(*names)
        return default if is_none(value) else value.value if isinstance(value, Const) else None

    def known(self, *names: str) -> Any:
        """The Python constant of an argument, also None; MISSING when it is not proved to be a constant."""
        value = self.value(*names)
        return value.value if isinstance(value, Const) else MISSING

    def tensor(self, *names: str) -> Tensor | None:
        """An argument as a tensor: numbers, lists and variables are converted; None when it is none."""
        return arrays.as_tensor(self.machine, self.value(*names), self.place)

    def shape(self, *names: str) -> Any:
        """An argument read as a shape: a tuple of dimensions, None when unknown."""
        return arrays.as_shape(self.machine, self.value(*names))

    def dtype(self, *names: str) -> str | None:
        return dtype_name(self.value(*names), self.symbol.name.startswith("np."))

    def dtype_or(self, default: str | None, *names: str) -> str | None:
        """The type that an argument names: `default` where none is given, None where it is not known."""
        names = names or ("dtype",)
        return default if is_none(self.value(*names)) else self.dtype(*names)

    def emit(self, kind: str, *inputs: Value, output: Tensor, **attributes: Any) -> Tensor:
        """Records the operation of this call and gives its output."""
        tag = attributes.pop("tag", "")
        layer = attributes.pop("layer", None)
        place = attributes.pop("place", self.place)
        arguments = attributes.pop("arguments", None)
        return self.machine.emit(
            kind,
            attributes.pop("name", self.symbol.name),
            place,
            inputs,
            output,
            tag,
            arguments=self.bound if arguments is None else arguments,
            attributes=attributes,
            symbol=self.symbol,
            layer=layer,
        )

    def object(self, kind: str, **fields: Any) -> Ref:
        """Puts an API object made by this call on the heap."""
        arguments = dict(self.bound)
        if kind == "layer":
            for name in self._altered() & arguments.keys():
                arguments[name] = Argument(value=UNKNOWN)
        return self.machine.new(self.place, ApiObject(self.symbol, kind, arguments, self.place, fields), kind)

    def _altered(self) -> frozenset[str]:
        """The arguments of the layer that is made here which the program changes later."""
        read = self.machine.read
        this, any_layer = read(("altered", self.machine.identify(self.place, "layer"))), read(("altered", None))
        return frozenset().union(*(names for names in (this, any_layer) if names is not MISSING))

    def function(self, *names: str) -> Value | None:
        """An argument that can be called, None otherwise."""
        value = self.value(*names)
        return value if isinstance(value, (Function, Api, Ref)) else None

    def items(self, *names: str) -> tuple[Value, ...] | None:
        """The known items of a list, tuple or dict argument."""
        items = builtins.items_of(self.machine, self.value(*names))
        return None if items is None else tuple(items)

    def opaque(self, reason: str = "") -> Value:
        """The unknown result of a call that is not modelled; tensors that go in are recorded as used."""
        reason = reason or f"`{self.symbol.path}` is not modelled"
        tensors = tuple(found for value in self.arguments.values() for found in arrays.tensors_in(self.machine, value))
        hand_over(self.machine, self.symbol.name, self.arguments.values(), self.place)
        if tensors:
            self.machine.emit(
                "opaque", self.symbol.name, self.place, tensors, Tensor(), arguments=self.bound, symbol=self.symbol
            )
        return unknown(reason, self.place)


_READ_ONLY = frozenset(
    (
        "tf.train.Saver.save",
        "tf.train.global_step",
        "tf.graph_util.convert_variables_to_constants",
        "tf.summary.FileWriter.add_session_log",
    )
)
"""What is given a session and changes no variable in it."""


def hand_over(machine: Machine, name: str, values: Iterable[Value], place: Place) -> None:
    """Records that a function of a package, whose work is not followed, gets a session: it may run anything in it."""
    for value in values:
        if type(value) is Ref and name not in _READ_ONLY:
            record = machine.object(value)
            if record is not None and record.kind == "session":
                machine.record(Escape(place=place, context=machine.context(), values=(value,), function=UNKNOWN))


def bind(machine: Machine, symbol: Symbol, arguments: Arguments) -> dict[str, Argument]:
    """The arguments by parameter name of the tables' signature; by position when there is none."""
    names, defaults = _bound_by(machine, symbol)
    # What could not be read may say anything that is not said here.
    bound = dict.fromkeys(defaults, _OPEN) if arguments.open else dict(defaults)
    for index, argument in enumerate(arguments.positional):
        bound[names[index] if index < len(names) else f"*{index}"] = argument
    bound.update(arguments.keywords)
    return bound


def parameters(machine: Machine, symbol: Symbol) -> tuple[str, ...]:
    """The names of the positional parameters of a function in their order; () when the tables do not have it."""
    return _bound_by(machine, symbol)[0]


def _bound_by(machine: Machine, symbol: Symbol) -> tuple[tuple[str, ...], dict[str, Argument]]:
    key = (symbol.path, machine.generation)
    known = _SIGNATURES.get(key)
    if known is None:
        known = _SIGNATURES[key] = _signature(machine, symbol)
    return known


_SIGNATURES: dict[tuple[str, str], tuple[tuple[str, ...], dict[str, Argument]]] = {}
"""By path and generation: the names of the positional parameters, and all defaults."""


def _signature(machine: Machine, symbol: Symbol) -> tuple[tuple[str, ...], dict[str, Argument]]:
    signature = tfapi.signature(symbol, machine.generation)
    if signature is None:
        return (), {}
    names = tuple(p.name for p in signature.parameters if p.kind == "positional")
    defaults = {
        p.name: Argument(value=default_value(machine, p.default))
        for p in signature.parameters
        if p.kind in ("positional", "keyword") and p.default is not tfapi.REQUIRED
    }
    return names, defaults


def default_value(machine: Machine, default: Any) -> Value:
    """A default of the tables as a value."""
    if isinstance(default, tfapi.Ref):
        if not default.name:
            return UNKNOWN
        top, _, rest = default.name.partition(".")
        path = {"tf": "tensorflow", "np": "numpy"}.get(top, top) + (f".{rest}" if rest else "")
        symbol = tfapi.resolve(path, machine.generation)
        return UNKNOWN if symbol is None else Api(symbol=symbol)
    if isinstance(default, (list, tuple)):
        return Tuple(items=tuple(default_value(machine, item) for item in default))
    if isinstance(default, dict):
        return UNKNOWN
    return Const(value=default)


_DTYPES = {
    "float": "float32", "float_": "float64", "double": "float64", "half": "float16", "single": "float32",
    "int": "int64", "int_": "int64", "bool_": "bool", "intp": "int64", "str": "string", "object": None, "object_": None,
}  # fmt: skip


def dtype_name(value: Value, numpy: bool = False) -> str | None:
    """ "float32" for tf.float32, np.float32, "float32", `float`...; NumPy's "float" is a double."""
    if isinstance(value, Const) and isinstance(value.value, str):
        name = "double" if numpy and value.value == "float" else value.value
    elif isinstance(value, Api):
        name = value.symbol.name.rsplit(".", 1)[-1]
        if value.symbol.name == "builtins.float":
            return "float64"
    else:
        return None
    name = _DTYPES.get(name, name) or ""
    return name if name in DTYPES else None
