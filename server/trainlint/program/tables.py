"""The network as it was understood, in tables: layers, shapes, parameters, sizes; then loss, optimizer and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView
from typing import TYPE_CHECKING

from trainlint.program import dims
from trainlint.program.dims import Dim, show
from trainlint.program.heads import learning_rate
from trainlint.program.values import ApiObject, Const, Id, Tensor, Unknown, Value
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.finding import Location
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

COLUMNS = ("line", "layer", "output", "parameters", "activation", "initial weights", "size")

_WEIGHTED = ("matmul", "convolution", "embedding", "recurrent", "normalization", "attention")
_PLAIN = ("flatten", "pool", "dropout", "reshape", "concat", "input", "placeholder")


if TYPE_CHECKING:
    Where = Callable[[Place], Location]
    """Where a place is in the user's files; the file is empty where it goes without saying."""


class Table(Record):
    """One network: `rows` of text under `columns`, and `notes` on what it learns from.

    `place` is where its loss is reduced, `places` are those of the rows; the row of the sums has none.
    `parts` are the places of all that a row stands for: of its product, its weights and what follows it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    place: Place
    places: tuple[Place | None, ...]
    parts: tuple[tuple[Place, ...], ...] = ()
    behind: tuple[Place, ...] = ()
    """The places of what the loss is computed by, and no row stands for."""


def describe(program: Program, where: Where) -> list[Table]:
    """One table for each loss that the program reduces, in order."""
    tables = []
    seen: set[object] = set()
    for event in program.minimized:
        loss = event.loss
        key = loss.op if isinstance(loss, Tensor) else event.place
        if key in seen:
            continue
        seen.add(key)
        placed = tuple(_rows(program, loss, where)) if isinstance(loss, Tensor) else ()
        title = f"The network behind the loss of {_words(where(event.place))}"
        if program.root:
            title += f", entered through `{program.root}`"
        if program.world:
            title += f", where {program.world}"
        notes = tuple(_notes(program, loss, event.optimizer, where))
        rows, places = tuple(row for _, row in placed), tuple(parts[0] if parts else None for parts, _ in placed)
        parts = tuple(each for each, _ in placed)
        told = {place for each in parts for place in each}
        behind = tuple(dict.fromkeys(each for each in _places(program, loss) if each not in told))
        tables.append(Table(title, COLUMNS, rows, notes, event.place, places, parts, behind))
    return tables


def _cell(location: Location) -> str:
    """A place in a column of lines."""
    line = str(location.line) if location.cell is None else f"cell {location.cell + 1}:{location.line}"
    return f"{location.file}:{line}" if location.file else line


def _words(location: Location) -> str:
    """A place in a sentence."""
    line = f"line {location.line}" if location.cell is None else f"cell {location.cell + 1}, line {location.line}"
    return f"{line} of {location.file}" if location.file else line


def parameters(program: Program, *results: Value) -> Dim:
    """How many trainable numbers some results depend on, each counted once.

    None when a shape is unknown or a layer was not understood.
    """
    total: Dim = 0
    seen: set[Id] = set()
    for result in results:
        if any((o := program.operation(key)) is not None and o.kind == "opaque" for key in program.ancestors(result)):
            return None
        for variable in program.variables(result):
            if variable.id in seen or variable.attributes.get("trainable") is False:
                continue
            seen.add(variable.id)
            total = dims.combine("+", total, _count(variable))
    return total


def _count(variable: Operation) -> Dim:
    return None if variable.output.shape is None else dims.product(variable.output.shape)


def _rows(program: Program, loss: Tensor, where: Where) -> Iterator[tuple[tuple[Place, ...], tuple[str, ...]]]:
    """The places of each row, its own first, and its cells."""
    behind = program.ancestors(loss)
    shown: set[Id] = set()
    layers = {each.id: each for each in _ordered(program, behind) if each.kind in _WEIGHTED}
    before = {key for each in layers.values() for key in program.ancestors(each.output)}
    for operation in _ordered(program, behind):
        if operation.id in shown:
            continue
        if operation.kind in _WEIGHTED:
            yield _weighted_row(program, operation, behind, shown, where)
        elif layers and operation.id not in before and layers.keys().isdisjoint(program.ancestors(operation.output)):
            # What the predictions are compared with is no part of the network.
            continue
        elif operation.kind == "placeholder" and operation.output.shape == ():
            # A switch or a rate that is fed.
            continue
        elif operation.kind in _PLAIN and not operation.attributes.get("labels"):
            row = (_cell(where(operation.place)), _name(operation), show(operation.output.shape))
            yield (operation.place,), (*row, "", "", "", _size(operation.output))
    total = parameters(program, loss)
    yield (
        (),
        ("", "all", "", "?" if total is None else f"{total:,}" if isinstance(total, int) else str(total), "", "", ""),
    )


def _places(program: Program, loss: Value) -> Iterator[Place]:
    """Where a loss is computed; weights and their initial values belong to layers."""
    if isinstance(loss, Tensor):
        for operation in _ordered(program, program.ancestors(loss)):
            if operation.kind != "variable" and not operation.attributes.get("distribution"):
                yield operation.place


def _ordered(program: Program, behind: KeysView[Id]) -> Iterator[Operation]:
    known = {operation.id for operation in program.operations}
    for key in behind:
        operation = program.operation(key) if key not in known else None
        if operation is not None:
            yield operation
    for operation in program.operations:
        if operation.id in behind:
            yield operation


def _weighted_row(
    program: Program, operation: Operation, behind: KeysView[Id], shown: set[Id], where: Where
) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """A layer with weights: its product, and the bias and activation that belong to it."""
    places = [operation.place]
    weights = [v for value in operation.inputs[1:] if (v := _variable(program, value)) is not None]
    last = operation
    activation = ""
    for _ in range(3):
        users = [
            user
            for user in program.consumers(last.output)
            if user.id in behind and user.kind in ("add", "activation", "normalization")
        ]
        if len(users) != 1 or users[0].kind == "normalization":
            break
        user = users[0]
        if user.kind == "add":
            bias = [v for value in user.inputs if (v := _variable(program, value)) is not None]
            if not bias:
                break
            weights += bias
        else:
            activation = str(user.attributes.get("function") or "?")
        shown.add(user.id)
        places.append(user.place)
        last = user
        if activation:
            break
    count: Dim = 0
    for weight in weights:
        count = dims.combine("+", count, _count(weight))
    initial = next((text for weight in weights[:1] if (text := _initial(program, weight))), "")
    count_text = "?" if count is None else f"{count:,}" if isinstance(count, int) else str(count)
    return (
        (*places, *(weight.place for weight in weights)),
        (
            _cell(where(operation.place)),
            _name(operation),
            show(last.output.shape),
            count_text,
            activation or ("" if operation.kind in ("normalization", "embedding", "recurrent") else "linear"),
            initial,
            _size(last.output),
        ),
    )


def _variable(program: Program, value: Value) -> Operation | None:
    found = program.source(value)
    return found if found is not None and found.kind == "variable" else None


def _name(operation: Operation) -> str:
    if operation.symbol is not None and operation.symbol.name not in ("tf.matmul",):
        return operation.symbol.name.rsplit(".", 1)[-1]
    return operation.kind


def _initial(program: Program, variable: Operation) -> str:
    """How a weight starts: "normal(0, 1)", "glorot_uniform"."""
    source = (
        program.operation(variable.inputs[0]) if variable.inputs and isinstance(variable.inputs[0], Tensor) else None
    )
    if source is None:
        return ""
    attributes = source.attributes
    kind = attributes.get("distribution")
    if kind in ("normal", "truncated"):
        mean, stddev = attributes.get("mean"), attributes.get("stddev")
        name = "normal" if kind == "normal" else "truncated normal"
        return (
            f"{name}, std {stddev:g}" + (f", mean {mean:g}" if mean else "")
            if isinstance(stddev, (int, float))
            else name
        )
    if kind == "uniform":
        low, high = attributes.get("low"), attributes.get("high")
        return (
            f"uniform [{low:g}, {high:g}]"
            if isinstance(low, (int, float)) and isinstance(high, (int, float))
            else "uniform"
        )
    if kind == "constant":
        value = attributes.get("value")
        return f"constant {value:g}" if isinstance(value, (int, float)) else "constant"
    if kind == "fan":
        return str(attributes.get("scheme"))
    return str(kind or "")


def _size(tensor: Tensor) -> str:
    return "" if tensor.rms is None else f"{tensor.rms:.3g}"


def _notes(program: Program, loss: Value, optimizer: Value, where: Where) -> Iterator[str]:
    if isinstance(loss, Tensor):
        for operation in _ordered(program, program.ancestors(loss)):
            if operation.kind == "loss":
                function, expects = operation.attributes.get("function"), operation.attributes.get("expects")
                yield f"Loss: {function} of {expects}, {_words(where(operation.place))}."
            elif operation.kind == "squared-difference":
                yield f"Loss: squared difference, {_words(where(operation.place))}."
    record = program.object(optimizer)
    if record is not None:
        yield f"Optimizer: {record.name.rsplit('.', 1)[-1]}{_rate(record)}, {_words(where(record.place))}."
    elif isinstance(optimizer, Unknown):
        yield "Optimizer: unknown."
    if isinstance(loss, Tensor):
        for operation in _ordered(program, program.ancestors(loss)):
            if operation.kind in ("placeholder", "input"):
                yield _data_note(operation, where)


def _rate(record: ApiObject) -> str:
    argument = learning_rate(record)
    if argument is None or not isinstance(argument.value, Const):
        return ""
    return f" with learning rate {argument.value.value}" + ("" if argument.given else " (its default)")


def _data_note(operation: Operation, where: Where) -> str:
    tensor = operation.output
    what = "Labels" if operation.attributes.get("labels") else f"Data fed at {_words(where(operation.place))}"
    text = f"{what}: {show(tensor.shape)}"
    if tensor.values is not None and len(tensor.values) <= 10:
        text += " in {" + ", ".join(f"{v:g}" for v in tensor.values) + "}"
    elif tensor.bounded:
        text += f" in [{tensor.low:g}, {tensor.high:g}]"
    else:
        text += ", range unknown"
    if tensor.grounds == "stated":
        text += " (stated)"
    return text + "."
