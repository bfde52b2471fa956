"""What is known of the expressions of a file: shapes, ranges, sizes and weights, for hovers, hints and outlines."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

from trainlint.program import dims
from trainlint.program.dims import Dim, show
from trainlint.program.sizes import sizes
from trainlint.program.tables import parameters
from trainlint.program.values import ApiObject, Const, Ref, Tensor, Value
from trainlint.record import Record
from trainlint.report.reaching import Names
from trainlint.source import code
from trainlint.source.walk import statements_of

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place
    from trainlint.source.units import Unit

_MAX_VALUES = 10
_MAX_SHAPES = 3
_START = ", before the first training step"
_WEIGHTS = ("variable", "random", "constant")


class Fact(Record, eq=False):
    """What is known of the value of an expression.

    `shape` is empty where it is unknown, or where it is not the same in every run of the expression that is known;
    `shapes` lists them then. What differs from run to run is left out.
    `is_call` tells the call of a layer from the layer.
    """

    place: Place
    kind: str
    name: str
    shape: str = ""
    dtype: str = ""
    range: str = ""
    size: float | None = None
    parameters: int | None = None
    grounds: str = "proved"
    origin: Place | None = None
    shapes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    is_call: bool = False

    @property
    def lines(self) -> list[str]:
        """The fact in Markdown, one line for each thing that is known."""
        head = f"{self.kind} `{self.name}`" if self.name else self.kind
        known = []
        if self.shape:
            known.append(f"shape `{self.shape}`" + (f" {self.dtype}" if self.dtype else ""))
        if self.range:
            known.append(f"values {self.range}" + (" (stated)" if self.grounds == "stated" else ""))
        if self.size is not None:
            known.append(f"size about {self.size:.3g} (root mean square{_START if self.kind != 'variable' else ''})")
        if self.parameters:
            known.append(f"{self.parameters:,} parameters")
        if self.shapes:
            some = [f"`{shape}`" for shape in self.shapes[:_MAX_SHAPES]]
            more = ", ..." if len(self.shapes) > _MAX_SHAPES else ""
            known.append(f"shape differs from run to run: {', '.join(some)}{more}")
        if self.assumed and len(known):
            known.append(f"assumed: {'; '.join(self.assumed)}")
        return [head, *known]


class Knowledge:
    """The facts of one file, by place."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.document = analysis.document
        self.facts: dict[Place, Fact] = {}
        found: dict[Place, dict[Hashable, Fact]] = {}
        for number, program in enumerate(analysis.programs):
            self._learn(number, program, found)
        for place, runs in found.items():
            self.facts[place] = _merged(list(runs.values()))
        self._names = Names(self.document)

    def at(self, offset: int) -> tuple[Fact, int, int] | None:
        """The fact about the smallest expression at an offset, and the stretch of the text that it is about."""
        best: tuple[int, Fact, int, int] | None = None
        # Where the pieces of the text stand is known; where everything in a piece stands takes another look at it.
        units = {
            unit for unit, first in self.document.starts.items() if first <= offset <= first + len(unit.text)
        }  # fmt: skip
        name = self._name_at(offset, units)
        if name is not None:
            fact = self._of_name(name)
            if fact is not None:
                return (fact, *self.document.offsets(name.place))
        for place, fact in self.facts.items():
            if place.unit not in units or (fact.kind == "tensor" and len(fact.lines) == 1):
                continue
            start, end = self.document.offsets(place)
            if start <= offset <= end and (best is None or end - start < best[0]):
                best = end - start, fact, start, end
        if best is None:
            return None
        _, fact, start, end = best
        return fact, start, end

    def shapes(self, start: int, end: int) -> Iterator[tuple[int, Fact]]:
        """The facts with a shape whose expression ends between two offsets: layer calls and assigned values."""
        assigned = {node.value.place for node in self._assignments() if node.value is not None}
        # `Dense(8)(x)` holds `Dense(8)`, which has the same shape: the longer one counts.
        longest: dict[int, tuple[int, Fact]] = {}
        for place, fact in self.facts.items():
            if not fact.shape or fact.shape == "[]" or (place not in assigned and fact.kind != "layer"):
                continue
            first, last = self.document.offsets(place)
            if start <= last <= end and longest.get(first, (0, fact))[0] < last:
                longest[first] = last, fact
        yield from sorted(longest.values(), key=lambda each: each[0])

    # Learning ---------------------------------------------------------------------------------------------------------

    def _learn(self, number: int, program: Program, found: dict[Place, dict[Hashable, Fact]]) -> None:
        """Adds what one program knows of each run of each expression."""
        known = sizes(program)
        runs: dict[tuple[Place, Hashable], list[Operation]] = {}
        for operation in program.operations:
            layer = program.object(operation.layer) if operation.layer is not None else None
            if layer is not None and operation.kind in _WEIGHTS:
                continue
            for place, is_call in _places(program, operation, layer):
                if place.unit in self.document.starts:
                    key = (number, operation.id.frame, operation.id.iteration, operation.layer, _call(operation))
                    runs.setdefault((place, (is_call, key)), []).append(operation)
        for (place, run), operations in runs.items():
            result = _result(operations)
            if result is None:
                continue
            layer = program.object(result.layer) if result.layer is not None else None
            fact = self._fact(program, result, layer, place, known.size(result.output).known)
            is_call = isinstance(run, tuple) and bool(run[0])
            found.setdefault(place, {})[run] = fact.replace(is_call=is_call) if is_call else fact
        for model, record in program.objects:
            if record.kind == "model" and record.place.unit in self.document.starts:
                # It stands for all that its place does: the layers of a Sequential are called there.
                runs_of = found.setdefault(record.place, {})
                for run in [run for run, fact in runs_of.items() if fact.kind != "model"]:
                    del runs_of[run]
                runs_of[number, model] = self._model(program, record)

    def _fact(
        self, program: Program, operation: Operation, layer: ApiObject | None, place: Place, size: float | None
    ) -> Fact:
        output = operation.output
        name = layer.name if layer is not None else operation.name
        return Fact(
            place=place,
            kind="layer" if layer is not None else "variable" if operation.kind == "variable" else "tensor",
            name=name.rsplit(".", 1)[-1],
            shape="" if output.shape is None else show(output.shape),
            dtype=output.dtype or "",
            range=_range(output),
            size=output.rms if output.rms is not None else size if _is_behind_weights(program, operation) else None,
            parameters=_count(program, operation, layer),
            grounds=output.grounds,
            origin=operation.place,
            assumed=output.assumed,
        )

    def _model(self, program: Program, record: ApiObject) -> Fact:
        outputs = program.items(record.fields.get("outputs"))
        shapes = [show(value.shape) for value in outputs if isinstance(value, Tensor) and value.shape is not None]
        total = parameters(program, *(value for value in outputs if isinstance(value, Tensor)))
        return Fact(
            place=record.place,
            kind="model",
            name=record.name.rsplit(".", 1)[-1],
            shape=", ".join(shapes),
            parameters=total if isinstance(total, int) else None,
            origin=record.place,
        )

    # Names ------------------------------------------------------------------------------------------------------------

    def _assignments(self) -> Iterator[code.Assign]:
        for node in statements_of(self.document.body):
            if isinstance(node, code.Assign) and node.value is not None:
                yield node

    def _name_at(self, offset: int, units: set[Unit]) -> code.Name | None:
        """The name of a variable at an offset."""
        from trainlint.fixes.code_index import index_of

        for place, node in index_of(self.document).nodes.items():
            if isinstance(node, code.Name) and place.unit in units:
                start, end = self.document.offsets(place)
                if start <= offset <= end:
                    return node
        return None

    def _of_name(self, name: code.Name) -> Fact | None:
        """What the assignment that a name has its value from says of it."""
        reached = self._names.assignment(name)
        if reached is None:
            return None
        value = reached.assignment.value
        fact = self.facts.get(value.place) if value is not None else None
        if fact is not None:
            return fact.replace(name=name.id, kind="tensor" if fact.is_call else fact.kind)
        if isinstance(value, code.Name) and value.id != name.id:
            fact = self._of_name(value)
            return fact.replace(name=name.id) if fact is not None else None
        return self._final(name) if reached.at_module and reached.is_last else None

    def _final(self, name: code.Name) -> Fact | None:
        """What a variable of the module holds at the end of the program, if that is the same in every world."""
        found: list[Fact | None] = []
        for program in self.analysis.programs:
            for key, value in program.heap.items():
                if isinstance(key, tuple) and len(key) == 2 and key[1] == name.id and _is_module(key[0], self.document):
                    found.append(self._of_value(program, name, value))
        known = [fact for fact in found if fact is not None]
        same = len(known) == len(found) and len({tuple(fact.lines) for fact in known}) == 1
        return known[0] if same else None

    def _of_value(self, program: Program, name: code.Name, value: Value) -> Fact | None:
        tensor = program.tensor(value) if isinstance(value, Tensor) else None
        if tensor is not None:
            operation = program.operation(tensor)
            if operation is not None:
                return self._fact(program, operation, None, name.place, None).replace(name=name.id)
            shape = "" if tensor.shape is None else show(tensor.shape)
            return Fact(name.place, "tensor", name.id, shape, tensor.dtype or "", _range(tensor))
        record = program.object(value) if isinstance(value, Ref) else None
        if record is not None and record.kind == "model":
            return self._model(program, record).replace(name=name.id)
        if isinstance(value, Const) and isinstance(value.value, (int, float, str)):
            return Fact(name.place, "constant", name.id, range=f"`{value.value!r}`")
        return None


def _is_module(frame: object, document: object) -> bool:
    return getattr(frame, "document", None) is document and not getattr(frame, "name", "?")


def _places(program: Program, operation: Operation, layer: ApiObject | None) -> Iterator[tuple[Place, bool]]:
    """The expressions whose value an operation is, or is on the way to; the call of a layer is marked."""
    if layer is None:
        yield operation.place, False
        return
    yield layer.place, False
    call = _call(operation)
    # The place at which a Sequential is made stands for the call of each of its layers.
    if call is not None and not any(record.place is call for _, record in program.objects):
        yield call, True


def _call(operation: Operation) -> Place | None:
    """Where the layer of an operation is called."""
    tag = operation.id.tag
    call = tag[-1] if isinstance(tag, tuple) and tag else None
    return call if isinstance(call, code.Place) else None


def _result(operations: list[Operation]) -> Operation | None:
    """Of the operations of one run of an expression the one that is its value; None if there are several values."""
    computed = [each for each in operations if each.kind not in _WEIGHTS] or operations
    used = {source for each in computed for source in each.sources}
    ends = [each for each in computed if each.id not in used] or computed[-1:]
    first = ends[0].output.shape
    return ends[-1] if all(each.output.shape == first for each in ends) else None


def _merged(runs: list[Fact]) -> Fact:
    """What holds in all known runs of an expression."""
    first = runs[0]
    shapes = tuple(dict.fromkeys(fact.shape or "?" for fact in runs))
    if len(runs) == 1:
        return first

    def same(field: str, otherwise: Any) -> Any:
        value = getattr(first, field)
        return value if all(getattr(fact, field) == value for fact in runs) else otherwise

    return first.replace(
        name=same("name", ""),
        shape=first.shape if len(shapes) == 1 else "",
        shapes=shapes if len(shapes) > 1 else (),
        dtype=same("dtype", ""),
        range=same("range", ""),
        size=same("size", None),
        parameters=same("parameters", None),
        origin=same("origin", None),
        assumed=tuple(dict.fromkeys(each for fact in runs for each in fact.assumed)),
    )


def _is_behind_weights(program: Program, operation: Operation) -> bool:
    return operation.kind not in _WEIGHTS and bool(program.variables(operation.output))


def _count(program: Program, operation: Operation, layer: ApiObject | None) -> int | None:
    """How many numbers a layer learns, or a variable has."""
    if layer is None:
        shape = operation.output.shape if operation.kind == "variable" else None
        size = None if shape is None else dims.product(shape)
        return size if isinstance(size, int) else None
    total: Dim = 0
    for field, value in layer.fields.items():
        if field.startswith("weight "):
            tensor = program.tensor(value) if isinstance(value, Tensor) else None
            total = dims.combine("+", total, dims.product(tensor.shape) if tensor and tensor.shape else None)
    return total if isinstance(total, int) else None


def _range(tensor: Tensor) -> str:
    if tensor.values is not None and len(tensor.values) <= _MAX_VALUES:
        return "in {" + ", ".join(f"{value:g}" for value in tensor.values) + "}"
    if tensor.interval is None:
        return ""
    low, high = tensor.interval
    if math.isinf(low) and math.isinf(high):
        return ""
    left = "(-inf" if math.isinf(low) else f"[{low:g}"
    right = "inf)" if math.isinf(high) else f"{high:g}]"
    return f"in {left}, {right}"
