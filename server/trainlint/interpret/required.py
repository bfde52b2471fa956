"""Calls of the API that lack an argument which the function requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret.contexts import with_defaults
from trainlint.program.events import MissingArgument
from trainlint.program.values import Api, ApiObject, Method, Ref, Value
from trainlint.record import Record
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


class _Demand(Record):
    """What a signature requires, ready to be compared with thousands of calls."""

    required: tuple[str, ...]
    by_position: tuple[str, ...]
    known: frozenset[str]
    takes_any_keyword: bool


_checked: dict[tuple[str, str, str], tuple[Symbol, _Demand | None, _Demand | None] | None] = {}
"""By path, method and generation: what it is, what it requires if it does, and what it did before 1.0."""


def check_required(machine: Machine, function: Value, written: code.Call, arguments: Arguments) -> None:
    """Records a call, as it is written, of a function of the API that lacks what every version of it requires."""
    if written is machine.listed:
        return  # `tf.cast()` on a line of its own is a note
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
    if missing and not all(_missing(other, arguments) for other in _demands(symbol)):
        missing = None
    if not missing and then is not None:
        missing, before = _missing(then, arguments), (1,)
    if missing and not method:
        given = with_defaults(machine, symbol, arguments).keywords
        missing = tuple(name for name in missing if name not in given)
    if missing and not arguments.open and _is_finished(written):
        machine.record(MissingArgument(written.place, machine.context(), symbol.name, missing, before))


def _look_up(owner: Symbol, method: str, generation: str) -> tuple[Symbol, _Demand | None, _Demand | None] | None:
    symbol = tfapi.resolve(f"{owner.path}.{method}", generation) if method else owner
    if symbol is None or symbol.kind not in ("function", "class") or symbol.path.endswith("__"):
        return None
    # The tables list an inherited method with the class above only, and not each that takes its place.
    if method and symbol.name != f"{owner.name}.{method}":
        return None
    if not symbol.name.startswith(("tf.", "keras.")) or symbol.name.startswith(_UNCHECKED):
        return None
    then = _BEFORE_1.get(symbol.name) if symbol.flavour == "tf" else None
    signature = tfapi.signature(symbol, generation)
    now = None if signature is None else _demand(signature)
    now = now if now is not None and now.required else None
    return None if now is None and then is None else (symbol, now, None if then is None else _demand(then))


def _demands(symbol: Symbol) -> list[_Demand]:
    """What a path requires in each generation that has it; nothing where that is not known."""
    found = []
    for generation in tfapi.availability(symbol):
        other = tfapi.resolve(symbol.path, generation)
        signature = None if other is None else tfapi.signature(other, generation)
        found.append(_demand(Signature(()) if signature is None else signature))
    return found or [_demand(Signature(()))]


def _demand(signature: Signature) -> _Demand:
    parameters = [p for p in signature.parameters if p.kind in ("positional", "keyword")]
    required = [p.name for p in parameters if p.default is REQUIRED]
    if any(p.kind == "star" or p.name in _UNBOUND for p in signature.parameters):
        required = []
    return _Demand(
        required=tuple(required),
        by_position=tuple(p.name for p in parameters if p.kind == "positional"),
        known=frozenset(p.name for p in parameters),
        takes_any_keyword=signature.takes_any_keyword,
    )


def _missing(demand: _Demand, arguments: Arguments) -> tuple[str, ...]:
    """The required parameters that are not given; none where the call gives what the signature does not have."""
    given = demand.by_position[: len(arguments.positional)]
    missing = tuple([name for name in demand.required if name not in given and name not in arguments.keywords])
    if not missing or len(arguments.positional) > len(demand.by_position):
        return ()
    others = arguments.keywords.keys() - demand.known
    return () if others - (_OF_LAYERS if demand.takes_any_keyword else set()) else missing


def _is_finished(written: code.Call) -> bool:
    """Whether a call is there as it is read: not closed by a repair, and without stars or the dots of a sketch."""
    if written.place.unit.is_broken:
        return False
    return not any(argument.star or getattr(argument.value, "value", None) is ... for argument in written.arguments)
