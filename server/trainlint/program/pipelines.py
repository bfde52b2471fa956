"""Data pipelines: the steps of a dataset, and in which order its elements come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.program.values import ApiObject, Const, DictRecord, Id, Ref, Tuple

if TYPE_CHECKING:
    from trainlint.program.program import Program
    from trainlint.program.values import Value

RESHUFFLED, ONCE, ORDERED, UNCLEAR = "reshuffled", "shuffled once", "ordered", "unclear"
"""Another order in each pass; one random order; that of the source; not known."""

_KEEPING = frozenset((
    "batch", "padded_batch", "map", "prefetch", "take", "skip", "shard", "filter", "with_options", "enumerate",
    "ignore_errors", "as_numpy_iterator", "repeat", "unbatch", "rebatch",
))  # fmt: skip


def chain(program: Program, value: Value | None) -> Iterator[tuple[Id, ApiObject]]:
    """A dataset and what it was made of, one step after the other, the source last."""
    for _ in range(64):
        record = program.object(value)
        if record is None or record.kind != "dataset" or not isinstance(value, Ref):
            return
        yield value.id, record
        value = record.fields.get("of")


def step_of(record: ApiObject) -> str:
    """The method that made a dataset of another one; empty for a source."""
    steps = record.fields.get("steps", ())
    return str(steps[-1]) if steps and record.fields.get("of") is not None else ""


def reshuffles(record: ApiObject) -> bool | None:
    """Whether one step or source mixes its elements anew in each pass; None where that is not known."""
    step = step_of(record)
    if step == "shuffle":
        given = record.arguments.get("reshuffle_each_iteration")
        if given is None:
            return True
        value = given.value
        return value.value is not False if isinstance(value, Const) else None
    if step:
        return False
    if record.name.endswith("list_files"):
        given = record.arguments.get("shuffle")
        return True if given is None or given.value in (Const(True), Const(None)) else _flag(given.value)
    if record.name.endswith(("from_generator", "TFRecordDataset", "make_csv_dataset", "zip")):
        return None if record.name.endswith(("from_generator", "zip")) else False
    shuffled = record.fields.get("shuffled", False)
    return shuffled if isinstance(shuffled, bool) else None


_CONTINUING = _KEEPING - {"take"} | {"shuffle", "cache", "snapshot"}


def endless(program: Program, value: Value | None) -> ApiObject | None:
    """The step or source of a dataset for which it never ends; None where it ends or that is not known."""
    for _, record in chain(program, value):
        step = step_of(record)
        if not step:
            # Without a number of epochs this one starts over for ever.
            return record if record.name.endswith(".make_csv_dataset") and _is_open(record, "num_epochs") else None
        if step == "repeat" and _is_open(record, "count"):
            return record
        if step not in _CONTINUING:
            return None
    return None


def _is_open(record: ApiObject, name: str) -> bool:
    """Whether a number of rounds is left out, None or -1."""
    given = record.arguments.get(name)
    if given is None:
        return True
    value = given.value.value if isinstance(given.value, Const) else 0
    return value is None or (isinstance(value, int) and value < 0)


def never_ends(program: Program, value: Value) -> bool:
    """Whether what an input function of an estimator returns can be asked for values for ever: constants, or noise."""
    record = program.record(value) if isinstance(value, Ref) else None
    if isinstance(record, ApiObject) and record.kind == "input function":
        given = record.arguments.get("num_epochs")
        return given is not None and given.given and isinstance(given.value, Const) and given.value.value is None
    if isinstance(record, ApiObject):
        return endless(program, value) is not None
    parts: tuple[Value, ...] = ()
    if isinstance(value, Tuple):
        parts = value.items
    elif isinstance(record, DictRecord) and not record.open:
        parts = tuple(part for _, part in record.items)
    if parts:
        return all(never_ends(program, part) for part in parts)
    behind = [program.operation(key) for key in program.ancestors(value)]
    return bool(behind) and all(o is not None and o.kind in _MADE and not o.loses_edges for o in behind)


_MADE = frozenset((
    "constant", "random", "cast", "reshape", "expand", "squeeze", "transpose", "identity", "slice", "concat", "stack",
    "one-hot", "add", "subtract", "multiply", "divide",
))  # fmt: skip
"""What comes out the same, or anew, however often it is asked for."""


def _flag(value: Value) -> bool | None:
    return bool(value.value) if isinstance(value, Const) else None


def order(program: Program, value: Value | None) -> tuple[str, ApiObject | None]:
    """In which order a dataset gives its elements, and the step or source that mixes them."""
    state, cause = ORDERED, None
    for _, record in reversed(list(chain(program, value))):
        step = step_of(record)
        mixes = reshuffles(record)
        if mixes is None:
            return UNCLEAR, record
        if mixes:
            state, cause = RESHUFFLED, record
        elif step == "shuffle":
            state, cause = (ONCE, record) if state != RESHUFFLED else (state, cause)
        elif step in ("cache", "snapshot"):
            state = ONCE if state == RESHUFFLED else state
        elif step and step not in _KEEPING:
            return UNCLEAR, record
    return state, cause
