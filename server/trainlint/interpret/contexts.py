"""`with` blocks, stated facts, and calls that end the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.interpret import builtins
from trainlint.interpret.joins import as_number
from trainlint.interpret.machine import MISSING, Machine
from trainlint.program.dims import Symbol
from trainlint.program.values import (
    UNKNOWN,
    Api,
    Argument,
    Function,
    InstanceRecord,
    Ref,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip
from trainlint.source import code
from trainlint.source.stated import written_name

if TYPE_CHECKING:
    from trainlint.interpret.api.call import Arguments
    from trainlint.source.comments import StatedFact

SCOPES = ("register", "variable scope")
"""The store key of the open variable scopes: a tuple of (name, defaults)."""

ARG_SCOPE = ("register", "arg scope")
"""The store key of the defaults that `arg_scope` of tf.contrib has set: by function, then by argument."""


def run_with(machine: Machine, node: code.With, body: Callable[[], Any]) -> Any:
    from trainlint.interpret.expressions import evaluate
    from trainlint.interpret.statements import assign

    scopes, arguments = machine.read(SCOPES), machine.read(ARG_SCOPE)
    tape = machine.tape
    for item in node.items:
        manager = evaluate(machine, item.value)
        value = _entered(machine, manager, item.value.place)
        record = machine.object(manager)
        if record is not None and record.kind == "tape":
            tape = manager.id  # type: ignore[attr-defined]
        if record is not None and record.kind == "variable scope":
            outer = () if machine.read(SCOPES) is MISSING else machine.read(SCOPES)
            machine.write(SCOPES, (*outer, (record.fields.get("name"), record.fields.get("defaults", {}))))
        if record is not None and record.kind == "arg scope":
            machine.write(ARG_SCOPE, record.fields["defaults"])
        if isinstance(manager, Unknown):
            set_elsewhere = _set_by_unknown(machine, item.value)
            if set_elsewhere:
                around = machine.read(ARG_SCOPE)
                machine.write(ARG_SCOPE, {**({} if around is MISSING else around), **set_elsewhere})
        if item.target is not None:
            assign(machine, item.target, value)
    with machine.within(tape=tape, guarded=machine.guarded or any(_expects_error(item.value) for item in node.items)):
        jump = body()
    if machine.read(SCOPES) != scopes:
        machine.write(SCOPES, () if scopes is MISSING else scopes)
    if machine.read(ARG_SCOPE) != arguments:
        machine.write(ARG_SCOPE, {} if arguments is MISSING else arguments)
    return jump


def _set_by_unknown(machine: Machine, manager: code.Node) -> dict[str, dict[str, Value]]:
    """What a scope that is not known may set: `with argscope([tf.layers.conv2d], kernel_size=3)` of a library.

    It is given functions of TensorFlow and words, so these words may be arguments of these functions from there on.
    """
    from trainlint.interpret.expressions import evaluate

    if not isinstance(manager, code.Call) or not manager.arguments or manager.arguments[0].keyword is not None:
        return {}
    first = manager.arguments[0].value
    nodes = first.elements if isinstance(first, code.Sequence) else (first,)
    if not all(isinstance(node, (code.Name, code.Attribute)) for node in nodes):
        return {}
    words = {argument.keyword: UNKNOWN for argument in manager.arguments if argument.keyword is not None}
    functions = [machine.resolve(evaluate(machine, node)) for node in nodes] if words else []
    return {each.symbol.name: dict(words) for each in functions if isinstance(each, Api)}


def with_defaults(machine: Machine, symbol: tfapi.Symbol, arguments: Arguments) -> Arguments:
    """The arguments of a call with what the `arg_scope` around it says of those that are left out."""
    scope = machine.read(ARG_SCOPE)
    if scope is MISSING or not scope:
        return arguments
    known = {**scope.get("", {}), **scope.get(symbol.name, {})}
    signature = tfapi.signature(symbol, machine.generation) if known else None
    if signature is None:
        return arguments
    names = [p.name for p in signature.parameters if p.kind in ("positional", "keyword")]
    taken = {*names[: len(arguments.positional)], *arguments.keywords}
    added = {name: Argument(value=value) for name, value in known.items() if name in names and name not in taken}
    if not added:
        return arguments
    return type(arguments)(arguments.positional, {**arguments.keywords, **added}, arguments.open)


_ERRORS = frozenset({"Exception", "BaseException", "ValueError", "TypeError", "RuntimeError", "InvalidArgumentError",
                     "OpError", "FailedPreconditionError"})  # fmt: skip
"""What TensorFlow raises where shapes do not fit or a variable has no value, and the classes above."""


def catches(handlers: tuple[code.Handler, ...]) -> bool:
    """Whether the handlers of a `try` take what TensorFlow raises for operands that do not fit."""
    for handler in handlers:
        kinds = handler.type.elements if isinstance(handler.type, code.Sequence) else (handler.type,)
        for kind in kinds:
            name = getattr(kind, "name", getattr(kind, "id", None))
            if kind is None or name in _ERRORS:
                return True
    return False


def _expects_error(manager: code.Node) -> bool:
    """Whether a `with` is for code that fails: `self.assertRaises`, `pytest.raises`, `contextlib.suppress`."""
    if not isinstance(manager, code.Call):
        return False
    name = getattr(manager.function, "name", getattr(manager.function, "id", ""))
    return name in ("raises", "suppress") or name.startswith("assertRaises")


def _entered(machine: Machine, manager: Value, place: code.Place) -> Value:
    """What `with manager as x` binds."""
    if isinstance(manager, Stream):
        return manager.element  # a generator under @contextmanager
    record = machine.get(manager)
    if isinstance(record, InstanceRecord):
        from trainlint.interpret import calls, classes
        from trainlint.interpret.api.call import Arguments

        enter = classes.lookup_in_class(machine, record.cls, "__enter__")
        if isinstance(enter, Function):
            arguments = Arguments([Argument(value=manager, place=place)], {})
            return machine.resolve(calls.call(machine, enter, arguments, place))
    if isinstance(manager, (Ref, Tensor)):
        return manager
    return UNKNOWN if not isinstance(manager, Unknown) else manager


_EXITS = frozenset({"sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"})


def ends_program(machine: Machine, node: code.Node) -> bool:
    """Whether an expression statement never returns: `sys.exit()`, `exit()`."""
    if not isinstance(node, code.Call):
        return False
    function = node.function
    if isinstance(function, code.Name) and function.id in ("exit", "quit"):
        return True
    if isinstance(function, code.Attribute) and isinstance(function.value, code.Name):
        return f"{function.value.id}.{function.name}" in _EXITS
    return False


# Stated facts ---------------------------------------------------------------------------------------------------------


def apply_stated_facts(machine: Machine, node: code.Assign, value: Value) -> Value:
    """The value of an assignment with what a `# trainlint: x float32[...] in [...]` comment says of it."""
    # Read through the store: a comment may change while the statement stays the same.
    stated = machine.read(("facts", node.place.unit))
    if stated is MISSING:
        return value
    lines = machine.frame.document.statement_lines(node.place)
    value = machine.resolve(value)
    for fact in stated:
        for target in node.targets:
            if isinstance(target, code.Sequence) and covers(fact, lines):
                value = _state_item(machine, target, value, fact, node.place)
            elif written_name(target) == fact.name and covers(fact, lines):
                value = state(machine, value, fact, node.place)
    return value


def covers(fact: StatedFact, lines: tuple[int, int]) -> bool:
    """A fact stands on a line of its statement, or alone on the line before."""
    return lines[0] <= fact.line <= lines[1] or (fact.alone and fact.line == lines[0] - 1)


def _state_item(machine: Machine, target: code.Sequence, value: Value, fact: StatedFact, place: code.Place) -> Value:
    names = [written_name(element) for element in target.elements]
    if fact.name not in names:
        return value
    items = builtins.items_of(machine, value)
    if items is None or len(items) != len(names):
        items = [UNKNOWN] * len(names)
    position = names.index(fact.name)
    with machine.within(iteration=(*machine.iteration, position)):
        items[position] = state(machine, machine.resolve(items[position]), fact, place)
    return Tuple(items=tuple(items))


def state(machine: Machine, value: Value, fact: StatedFact, place: code.Place) -> Value:
    """A value with a stated fact; what the comment leaves out stays as it was."""
    known = value if isinstance(value, Tensor) else as_number(value) or Tensor(library="np")
    shape = known.shape
    if fact.shape is not None:
        shape = tuple(_stated_dim(machine, dim) for dim in fact.shape)
    low, high, values = known.low, known.high, known.values
    if fact.low is not None and fact.high is not None:
        low, high, values = fact.low, fact.high, None
    if fact.values:
        values = tuple(sorted(fact.values))
        low, high = min(values), max(values)
    from trainlint.interpret.arithmetic import scalar_rms

    encoding = "one-hot" if fact.one_hot else "class-ids" if fact.values else known.encoding
    result = known.replace(
        shape=shape, dtype=fact.dtype or known.dtype, low=low, high=high, values=values, encoding=encoding,
        rms=scalar_rms(low, high) if (low, high) != (known.low, known.high) else known.rms, grounds="stated",
        library="np" if known.library == "python" else known.library, op=None,
    )  # fmt: skip
    return machine.emit("data", "stated fact", place, (known,) if known.op is not None else (), result, "stated")


def _stated_dim(machine: Machine, dim: int | str) -> Any:
    if isinstance(dim, int):
        return dim
    if dim == "?":
        return None
    return Symbol(dim, ("stated", dim), batch=dim in ("batch", "b", "n", "N"))
