"""How much of a program was understood: its models, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trainlint.finding import ModelSummary
from trainlint.program.events import Escape
from trainlint.program.values import Tensor, Unknown, Value

if TYPE_CHECKING:
    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

# What takes arguments and trains: words that scikit-learn's `fit` and the `compile` of regular expressions do not have.
_COMPILES = re.compile(r"\b(?:loss|optimizer)\s*=")
_FITS = re.compile(r"\b(?:epochs|steps_per_epoch|validation_data|validation_split|callbacks)\s*=")
_CALL = re.compile(r"([\w.\[\]'\"]+)\.(compile|fit|fit_generator|train_on_batch)\((.*)\)", re.DOTALL)
_STRINGS = re.compile(r"\s*(['\"])\w+\1\s*,\s*(['\"])\w+\2\s*(?:,|$)")


def summarise(programs: Iterable[Program]) -> Iterator[ModelSummary]:
    """One summary for each trained loss or compiled model, of the world that was understood least."""
    found: dict[object, ModelSummary] = {}
    for program in programs:
        for event in program.minimized:
            summary = program.recall(_of_step, event)
            known = found.get(event.place)
            if known is None or _clarity(summary) < _clarity(known):
                found[event.place] = summary
        for summary in program.once(f"{__name__}.unknown", _unknown_models, lasts=True):
            found.setdefault(summary.place, summary)
    yield from found.values()


def _clarity(summary: ModelSummary) -> int:
    return 0 if not summary.understood else 1 if summary.missing else 2


def _of_step(program: Program, event: Minimize) -> ModelSummary:
    return _of_loss(program, event.loss, event.place)


def _of_loss(program: Program, loss: Value, place: Place) -> ModelSummary:
    missing: list[str] = []
    partly: list[str] = []
    has_backbone = False
    if isinstance(loss, Unknown) or not isinstance(loss, Tensor):
        missing.append(getattr(loss, "reason", "") or "the loss is unknown")
    else:
        for key in program.ancestors(loss):
            operation = program.operation(key)
            if operation is None:
                continue
            known = operation.kind == "opaque" and bool(operation.attributes.get("known"))
            has_backbone |= known
            if operation.kind == "opaque" and not known:
                missing.append(f"`{operation.name}` is not modelled" if operation.name else "a call is not followed")
            for value in operation.inputs:
                if isinstance(value, Unknown) and value.reason:
                    missing.append(value.reason)
            if operation.kind == "variable" and _is_vague(operation):
                partly.append(f"the size of the weights of {_layer(operation)} is unknown")
        # The layers of a ready-made network are not followed one by one.
        if not missing and not has_backbone and not program.variables(loss):
            missing.append("no trainable variables were found behind the loss")
    missing = list(dict.fromkeys(missing))
    return ModelSummary(place, "loss", not missing, tuple(missing or dict.fromkeys(partly)))


def _is_vague(variable: Operation) -> bool:
    shape = variable.output.shape
    return shape is None or any(size is None for size in shape)


def _layer(variable: Operation) -> str:
    name = variable.symbol.name.rsplit(".", 1)[-1] if variable.symbol is not None else ""
    return f"`{name}`" if name and name != "Variable" else "a layer"


def _unknown_models(program: Program) -> Iterator[ModelSummary]:
    """Calls that compile or fit what could not be followed at all."""
    seen: set[str] = set()
    for event in program.events_of(Escape):
        if not event.values:
            continue
        # Most texts need no closer look.
        if not any(word in event.place.unit.text for word in (".compile", ".fit", ".train_on_batch")):
            continue
        match = _CALL.fullmatch(_text(event.place))
        if match is None or match[1] in seen:
            continue
        model, method, arguments = match.groups()
        wanted = _COMPILES if method == "compile" else _FITS
        trains = method in ("fit_generator", "train_on_batch") or wanted.search(arguments) is not None
        if trains or (method == "compile" and _STRINGS.match(arguments)):
            seen.add(model)
            reason = event.function.reason if isinstance(event.function, Unknown) else ""
            yield ModelSummary(event.place, "model", False, (reason or f"`{model}` is unknown",))


def _text(place: Place) -> str:
    from trainlint.source.spans import table

    spans = table(place.unit).spans
    start, end = spans[place.number] if place.number < len(spans) else (0, 0)
    return place.unit.text[start:end]
