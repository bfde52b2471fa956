"""The replica of a program's network: its graph, what is fed to it, what it learns and how."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.probe.amounts import ROWS, Amounts, count
from trainlint.probe.network import Exporter, fed_numbers
from trainlint.probe.optimizers import optimizer_of
from trainlint.probe.refusal import NotCarried
from trainlint.probe.task import Answer, Task, answer_of, task_of
from trainlint.program.events import ModelCall, SessionRun
from trainlint.program.tables import parameters
from trainlint.program.training import training_feeds
from trainlint.program.values import Const, Tensor, is_none
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainlint.probe.experiment import Json
    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id, Value

USUAL_BATCH = 32
"""What Keras takes where nobody says."""

LARGEST_BATCH = 512
"""Rows of a step of a probe: more only makes it slow."""

_WHOLE = ("int", "uint")


class Replica(Record, eq=False):
    """A network of a program in the experiment format.

    `names` are the nodes of the operations, `assumed` what was taken for granted and `left_out` what was not carried
    over, for people. `parameters` counts the trainable numbers.
    """

    graph: Json
    names: Mapping[Id, str]
    batch: int
    parameters: int
    task: Task
    assumed: tuple[str, ...]
    left_out: tuple[str, ...]
    exporter: Exporter

    def node(self, operation: Operation) -> str | None:
        """The name of an operation's node; one that the loss does without is added. None if it cannot be computed."""
        exporter = self.exporter
        known, entries = set(exporter.nodes), set(exporter.entries)
        try:
            name = exporter.write(operation)
        except NotCarried:
            name = None
        if name is None or set(exporter.entries) != entries:
            for added in [each for each in exporter.nodes if each not in known]:
                del exporter.nodes[added]
            for key in [key for key, each in exporter.names.items() if each not in exporter.nodes]:
                del exporter.names[key]
            for added in set(exporter.entries) - entries:
                del exporter.entries[added]
            return None
        return name


def replica(program: Program, event: Minimize) -> Replica:
    """The network whose loss a training step reduces; raises NotCarried with the reason where it cannot be rebuilt."""
    loss = program.operation(event.loss)
    if loss is None:
        raise NotCarried("the loss is unknown", event.place)
    unknown = next((o for key in program.ancestors(loss.id) if (o := program.operation(key)) is not None
                    and o.kind == "opaque"), None)  # fmt: skip
    if unknown is not None:
        name = unknown.name or "a call"
        raise NotCarried(f"`{name}` is not followed", unknown.place)
    rows = _fixed_rows(program)
    amounts = Amounts(rows)
    answer = answer_of(program, loss)
    for key in program.ancestors(loss.id):
        operation = program.operation(key)
        if operation is not None and operation.kind in ("placeholder", "input", "stack", "data", "slice"):
            amounts.choose(operation.output.shape, "the data")
    exporter = Exporter(program, amounts)
    top = exporter.write(loss)
    predictions = exporter.input(answer.predictions, loss)
    penalties = _penalties(program, exporter, loss)
    labels = _label_entry(program, exporter, answer, loss)
    task = task_of(program, answer, exporter.entries[labels])
    sources, assumed = _sources(program, exporter, task, answer, labels)
    left_out = exporter.left_out
    graph: Json = {
        "nodes": exporter.nodes, "sources": sources, "task": task.entry, "loss": top, "predictions": predictions,
        "head": task.head, "optimizer": optimizer_of(program, event.optimizer, left_out),
    }  # fmt: skip
    if penalties:
        graph["penalties"] = penalties
    batch = rows or _batch(program) or 0
    if not batch:
        batch = USUAL_BATCH
        assumed.append(f"a batch of unknown size: {batch} rows are taken")
    if batch > LARGEST_BATCH:
        left_out.append(f"batches of {batch} rows ({LARGEST_BATCH} are taken)")
        batch = LARGEST_BATCH
    total = sum(
        count(node["shape"]) for node in exporter.nodes.values() if node["op"] == "variable" and node["trainable"]
    )
    stated = parameters(program, loss.output)
    if isinstance(stated, int) and stated != total:
        raise NotCarried(f"the replica has {total:,} parameters and not {stated:,}", event.place)
    return Replica(
        graph, exporter.names, batch, total, task, tuple(dict.fromkeys((*amounts.assumed, *task.assumed, *assumed))),
        tuple(dict.fromkeys(left_out)), exporter,
    )  # fmt: skip


def _fixed_rows(program: Program) -> int | None:
    """The number of rows that all feeds of a program are declared with."""
    for operation in program.of_kind("placeholder", "input"):
        declared = operation.attributes.get("declared")
        shape = operation.output.shape
        if isinstance(declared, tuple) and len(declared) > 1 and shape and isinstance(declared[0], int):
            return declared[0]
    return None


def _batch(program: Program) -> int | None:
    """How many rows a training step takes, as far as that is known."""
    for event, feed in training_feeds(program):
        if isinstance(event, ModelCall):
            argument = event.arguments.get("batch_size")
            value = argument.value if argument is not None else None
            if isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool):
                return value.value
            rows = _is_batched(program, feed.value)
            return rows if rows is not None else USUAL_BATCH if argument is None or is_none(argument.value) else None
        if isinstance(event, SessionRun):
            tensor = program.tensor(feed.value)
            if tensor is not None and tensor.shape and len(tensor.shape) > 1 and isinstance(tensor.shape[0], int):
                return tensor.shape[0]
    for event, feed in training_feeds(program):
        tensor = program.tensor(feed.value)
        if isinstance(event, SessionRun) and tensor is not None and tensor.shape and isinstance(tensor.shape[0], int):
            return tensor.shape[0]
    return _dataset_batch(program)


def _is_batched(program: Program, value: Value) -> int | None:
    """The rows of an element of a dataset that a model is fitted with."""
    record = program.object(value)
    argument = record.arguments.get("batch_size") if record is not None and record.kind == "dataset" else None
    if argument is not None and isinstance(argument.value, Const) and isinstance(argument.value.value, int):
        return argument.value.value
    return None


def _dataset_batch(program: Program) -> int | None:
    for _, record in program.objects:
        argument = record.arguments.get("batch_size") if record.kind == "dataset" else None
        if argument is not None and isinstance(argument.value, Const) and isinstance(argument.value.value, int):
            return argument.value.value
    return None


def _penalties(program: Program, exporter: Exporter, loss: Operation) -> list[str]:
    """What Keras adds to the loss of a compiled model by itself."""
    if not any((o := program.operation(key)) is not None and o.kind == "loss" and o.attributes.get("compiled")
               for key in program.ancestors(loss.id)):  # fmt: skip
        return []
    found = [exporter.penalty(variable) for variable in program.variables(loss.output)]
    return [name for name in found if name is not None]


def _label_entry(program: Program, exporter: Exporter, answer: Answer, loss: Operation) -> str:
    """The name of the entry that the labels come from."""
    behind = program.ancestors(answer.labels)
    inside = program.ancestors(answer.predictions)
    found = [name for name, entry in exporter.entries.items() if entry.id in behind and entry.output.rank != 0]
    own = [name for name in found if exporter.entries[name].id not in inside]
    if not found:
        raise NotCarried("the labels are unknown", loss.place)
    return (own or found)[0]


# What is fed ----------------------------------------------------------------------------------------------------------


def _sources(program: Program, exporter: Exporter, task: Task, answer: Answer, labels: str) -> tuple[Json, list[str]]:
    sources: Json = {}
    assumed: list[str] = []
    inside = program.ancestors(answer.predictions)
    features = [name for name, entry in exporter.entries.items() if entry.id in inside and entry.output.rank != 0]
    if not features:
        raise NotCarried("what goes into the network is unknown", program.operation(answer.predictions).place)  # type: ignore[union-attr]
    for name, entry in exporter.entries.items():
        if name in features:
            sources[name] = _features(program, exporter, entry, assumed)
        elif name == labels:
            sources[name] = _labels(program, exporter, entry, task, answer, features[0])
        else:
            sources[name] = _number(program, entry)
    return sources, assumed


def _number(program: Program, entry: Operation) -> Json:
    """A number that is fed beside the data: a share that is kept, a flag of training."""
    if entry.output.rank not in (0, None):
        raise NotCarried(f"`{entry.name}` is fed with something else than data and labels", entry.place)
    fed = fed_numbers(program, entry)
    if fed is None:
        raise NotCarried("a number that is fed is unknown", entry.place)
    values = {"kind": "constant", "training": fed[0], "evaluation": fed[1]}
    return {"role": "constant", "shape": [], "dtype": entry.output.dtype or "float32", "values": values}


def _features(program: Program, exporter: Exporter, entry: Operation, assumed: list[str]) -> Json:
    facts = entry.output
    shape = exporter.amounts.shape(facts.shape, entry.place)
    mask = _mask(facts)
    if mask is not None:
        return {"role": "noise", "shape": shape, "dtype": "float32", "values": mask}
    if shape and shape[0] != ROWS:
        shape = [ROWS, *shape[1:]]
    ids = _vocabulary(program, entry)
    if ids is not None:
        return {"role": "features", "shape": shape, "dtype": "int32",
                "values": {"kind": "integers", "low": 0, "high": max(ids - 1, 1)}}  # fmt: skip
    values: Json
    if facts.interval is not None and all(map(math.isfinite, facts.interval)) and facts.low != facts.high:
        values = {"kind": "interval", "low": facts.low, "high": facts.high}
    elif facts.rms is not None and math.isfinite(facts.rms) and facts.rms > 0:
        values = {"kind": "normal", "mean": 0.0, "rms": facts.rms}
        if facts.low is not None and facts.low >= 0:
            values = {"kind": "counts", "rms": facts.rms}
    elif facts.low is not None and facts.low >= 0 and math.isfinite(facts.low):
        values = {"kind": "interval", "low": facts.low, "high": facts.low + 1.0}
        assumed.append("inputs without a known upper bound: a range of 1 is taken")
    else:
        values = {"kind": "normal", "mean": 0.0, "rms": 1.0}
        assumed.append("inputs of unknown range: standardised ones are taken")
    return {"role": "features", "shape": shape, "dtype": "float32", "values": values}


def _mask(facts: Tensor) -> Json | None:
    """A mask of zeros and one other number, drawn anew for each step: the share that is kept and its value."""
    values = facts.values
    if values is None or len(values) != 2 or values[0] != 0.0 or values[1] <= 0 or facts.rms is None:
        return None
    keep = (facts.rms / values[1]) ** 2
    return {"kind": "mask", "value": values[1], "keep": keep} if 0 < keep < 1 else None


def _vocabulary(program: Program, entry: Operation) -> int | None:
    """How many ids there are, where what comes in is looked up in a table."""
    queue, seen = [entry], {entry.id}
    while queue:
        current = queue.pop()
        for user in program.consumers(current.output):
            if user.kind in ("embedding", "one-hot", "gather") and user.id not in seen:
                size: Any = user.attributes.get("vocabulary") or user.attributes.get("depth")
                table = program.tensor(user.inputs[1]) if len(user.inputs) > 1 else None
                size = size if isinstance(size, int) else table.shape[0] if table is not None and table.shape else None
                index = 1 if user.kind == "gather" else 0
                taken = user.inputs[index] if index < len(user.inputs) else None
                if isinstance(size, int) and isinstance(taken, Tensor) and taken.op is current.id:
                    return size
            elif user.kind in ("cast", "identity", "reshape", "slice", "expand", "squeeze") and user.id not in seen:
                seen.add(user.id)
                queue.append(user)
    return None


def _labels(program: Program, exporter: Exporter, entry: Operation, task: Task, answer: Answer, features: str) -> Json:
    facts = entry.output
    given = facts.shape if facts.shape is not None else _label_shape(task, answer)
    shape = exporter.amounts.shape(given, entry.place)
    if shape and shape[0] != ROWS:
        shape = [ROWS, *shape[1:]]
    whole = facts.dtype is not None and facts.dtype.startswith(_WHOLE)
    source: Json = {
        "role": "labels", "shape": shape, "encoding": task.encoding,
        "dtype": "int32" if task.encoding == "class-ids" or (whole and task.encoding != "values") else "float32",
    }  # fmt: skip
    if task.encoding == "features":
        source["of"] = features
    if task.encoding == "values":
        if facts.interval is not None and all(map(math.isfinite, facts.interval)) and facts.low != facts.high:
            source.update(low=facts.low, high=facts.high)
        else:
            source.update(mean=0.0, rms=facts.rms if facts.rms is not None and math.isfinite(facts.rms) else 1.0)
    return source


def _label_shape(task: Task, answer: Answer) -> Any:
    shape = answer.predictions.shape
    return shape[:-1] if shape and task.encoding == "class-ids" else shape
