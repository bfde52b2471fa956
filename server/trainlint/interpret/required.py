"""Calls of the API that lack an argument which the function requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.program.events import MissingArgument
from trainlint.program.values import Api, ApiObject, Method, Ref, Value
from trainlint.tfapi import REQUIRED, Parameter, Signature, Symbol

if TYPE_CHECKING:
    from trainlint.interpret.api.call import Arguments
    from trainlint.interpret.machine import Machine
    from trainlint.source import code

_UNCHECKED = ("tf.contrib.", "tf.estimator.", "tf.experimental.", "tf.distribute.", "tf.test.", "tf.raw_ops.")
"""What is given arguments by others, or changes from version to version."""

_OF_LAYERS = frozenset(("input_shape", "input_dim", "batch_input_shape", "batch_size", "name", "dtype", "trainable"))
"""What layers take as `**kwargs`. Another name may be an old one of the argument that seems to be missing."""

_UNBOUND = frozenset(("self", "cls", "_"))
"""Names that tell that a table holds a function as it is not called."""


def _signature(required: str, optional: str = "name") -> Signature:
    parameters = [Parameter(name) for name in required.split()]
    return Signature((*parameters, *(Parameter(name, default=None) for name in optional.split())))


_BEFORE_1 = {
    "tf.split": _signature("split_dim num_split value"),
    "tf.strided_slice": _signature(
        "input_ begin end strides", "begin_mask end_mask ellipsis_mask new_axis_mask shrink_axis_mask var name"
    ),
}
"""Functions that required more before TensorFlow 1.0, as they were then."""

_checked: dict[tuple[str, str, str], tuple[Symbol, Signature | None, Signature | None] | None] = {}
"""By path, method and generation: what it is, its signature where it requires something, and that before 1.0."""


def check_required(machine: Machine, function: Value, written: code.Call, arguments: Arguments) -> None:
    """Records a call, as it is written, of a function of the API that lacks what every version of it requires."""
    if type(function) is Api:
        symbol, method = function.symbol, ""
        if function.assumed:
            return
    elif type(function) is Method and type(function.receiver) is Ref:
        record = machine.get(function.receiver)
        if type(record) is not ApiObject:
            return
        symbol, method = record.symbol, function.name
    else:
        return
    key = (symbol.path, method, machine.generation)
    if key not in _checked:
        _checked[key] = _look_up(symbol, method, machine.generation)
    entry = _checked[key]
    if entry is None:
        return
    symbol, now, then = entry
    missing = now and _missing(now, arguments)
    before: tuple[int, ...] | None = None
    if missing and not all(_missing(other, arguments) for other in _signatures(symbol)):
        missing = None
    if not missing and then is not None:
        missing, before = _missing(then, arguments), (1,)
    if missing and not arguments.open and not any(argument.star for argument in written.arguments):
        machine.record(MissingArgument(written.place, machine.context(), symbol.name, missing, before))


def _look_up(owner: Symbol, method: str, generation: str) -> tuple[Symbol, Signature | None, Signature | None] | None:
    symbol = tfapi.resolve(f"{owner.path}.{method}", generation) if method else owner
    if symbol is None or symbol.kind not in ("function", "class") or symbol.path.endswith("__"):
        return None
    # The tables list an inherited method with the class above only, and not each that takes its place.
    if method and symbol.name != f"{owner.name}.{method}":
        return None
    if not symbol.name.startswith(("tf.", "keras.")) or symbol.name.startswith(_UNCHECKED):
        return None
    then = _BEFORE_1.get(symbol.name) if symbol.flavour == "tf" else None
    now = tfapi.signature(symbol, generation)
    now = now if now is not None and _required(now) else None
    return None if now is None and then is None else (symbol, now, then)


def _signatures(symbol: Symbol) -> list[Signature]:
    """What a path means in each generation that has it; one that requires nothing where that is not known."""
    found = []
    for generation in tfapi.availability(symbol):
        other = tfapi.resolve(symbol.path, generation)
        signature = None if other is None else tfapi.signature(other, generation)
        found.append(Signature(()) if signature is None else signature)
    return found or [Signature(())]


def _required(signature: Signature) -> list[str]:
    if any(p.kind == "star" or p.name in _UNBOUND for p in signature.parameters):
        return []
    return [p.name for p in signature.parameters if p.default is REQUIRED and p.kind in ("positional", "keyword")]


def _missing(signature: Signature, arguments: Arguments) -> tuple[str, ...]:
    """The required parameters that are not given; none where the call gives what the signature does not have."""
    required = _required(signature)
    names = [p.name for p in signature.parameters if p.kind == "positional"]
    given = {*names[: len(arguments.positional)], *arguments.keywords}
    missing = tuple(name for name in required if name not in given)
    if not missing or len(arguments.positional) > len(names):
        return ()
    known = {p.name for p in signature.parameters if p.kind in ("positional", "keyword")}
    others = arguments.keywords.keys() - known
    return () if others - (_OF_LAYERS if signature.takes_any_keyword else set()) else missing
