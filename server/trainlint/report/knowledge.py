"""What is known of the expressions of a file: shapes, ranges, sizes and weights, for hovers, hints and outlines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.program import dims
from trainlint.program.dims import Dim, show
from trainlint.program.sizes import sizes
from trainlint.program.values import ApiObject, Const, Ref, Tensor, Value
from trainlint.record import Record
from trainlint.source import code
from trainlint.source.walk import statements_of

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

_MAX_VALUES = 10
_START = ", before the first training step"
_WEIGHTS = ("variable", "random", "constant")


class Fact(Record, eq=False):
    """What is known of the value of an expression.

    `shape` is empty where it is unknown; `differs` says that the expression has other values in other runs of it.
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
    differs: bool = False

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
        if self.differs:
            known.append("differs from call to call: this is the first")
        return [head, *known]


class Knowledge:
    """The facts of one file, by place."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.document = analysis.document
        self.facts: dict[Place, Fact] = {}
        for program in analysis.programs:
            self._learn(program)

    def at(self, offset: int) -> tuple[Fact, int, int] | None:
        """The fact about the smallest expression at an offset, and the stretch of the text that it is about."""
        best: tuple[int, Fact, int, int] | None = None
        name = self._name_at(offset)
        if name is not None:
            fact = self._of_name(name)
            if fact is not None:
                return (fact, *self.document.offsets(name.place))
        for place, fact in self.facts.items():
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

    def _learn(self, program: Program) -> None:
        known = sizes(program)
        for operation in program.operations:
            layer = program.object(operation.layer) if operation.layer is not None else None
            if layer is not None and (operation.kind in _WEIGHTS or not operation.output.shape):
                continue
            for place in _places(program, operation, layer):
                if place.unit not in self.document.starts:
                    continue
                fact = self._fact(program, operation, layer, place, known.size(operation.output).known)
                before = self.facts.get(place)
                if before is not None and before.differs:
                    continue
                if before is not None and not _is_same_layer(before, fact):
                    # The first program counts; a layer's later operations say more than its first ones.
                    fact = before.replace(differs=before.differs or before.shape != fact.shape)
                self.facts[place] = fact
        for _, record in program.objects:
            if record.kind == "model" and record.place.unit in self.document.starts:
                self.facts[record.place] = self._model(program, record)

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
        )

    def _model(self, program: Program, record: ApiObject) -> Fact:
        outputs = program.items(record.fields.get("outputs"))
        shapes = [show(value.shape) for value in outputs if isinstance(value, Tensor) and value.shape is not None]
        total: Dim = 0
        for value in outputs:
            for variable in program.variables(value) if isinstance(value, Tensor) else ():
                size = None if variable.output.shape is None else dims.product(variable.output.shape)
                total = dims.combine("+", total, size)
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

    def _name_at(self, offset: int) -> code.Name | None:
        """The name of a variable at an offset."""
        from trainlint.fixes.code_index import index_of

        for place, node in index_of(self.document).nodes.items():
            if isinstance(node, code.Name) and place.unit in self.document.starts:
                start, end = self.document.offsets(place)
                if start <= offset <= end:
                    return node
        return None

    def _of_name(self, name: code.Name) -> Fact | None:
        """What the last assignment before a name, in its own scope or in the module, says of it."""
        document = self.document
        start, scope = document.offsets(name.place)[0], document.definition_of(name.place)
        for wanted in (scope, "") if scope else ("",):
            found: code.Assign | None = None
            for node in self._assignments():
                names = {target.id for target in node.targets if isinstance(target, code.Name)}
                if name.id not in names or document.definition_of(node.place) != wanted:
                    continue
                end = document.statement_offsets(node.place)[1]
                targets = [document.offsets(target.place) for target in node.targets]
                if end <= start or any(begin <= start <= last for begin, last in targets) or wanted != scope:
                    found = node
            if found is not None:
                fact = self.facts.get(found.value.place) if found.value is not None else None
                if fact is not None:
                    return fact.replace(name=name.id, kind="tensor" if fact.kind == "layer" else fact.kind)
                return self._final(name) if not wanted else None
        return None

    def _final(self, name: code.Name) -> Fact | None:
        """What a variable of the module holds at the end of the program."""
        for program in self.analysis.programs:
            for key, value in program.heap.items():
                if isinstance(key, tuple) and len(key) == 2 and key[1] == name.id and _is_module(key[0], self.document):
                    return self._of_value(program, name, value)
        return None

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


def _places(program: Program, operation: Operation, layer: ApiObject | None) -> Iterator[Place]:
    """The expressions whose value an operation is."""
    if layer is None:
        yield operation.place
        return
    yield layer.place
    tag = operation.id.tag
    call = tag[-1] if isinstance(tag, tuple) and tag else None
    # The place at which a Sequential is made stands for the call of each of its layers.
    if isinstance(call, code.Place) and not any(record.place is call for _, record in program.objects):
        yield call


def _is_same_layer(before: Fact, now: Fact) -> bool:
    return before.kind == now.kind == "layer" and before.name == now.name


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
