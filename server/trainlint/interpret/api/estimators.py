"""Estimators of TensorFlow 1: what the input function gives goes into the model function, once for each mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import calls
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.api.datasets import batch_axis, batched, rows_of
from trainlint.interpret.api.registry import CONSTANTS, handles, method
from trainlint.program.events import Evaluation, Minimize
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    ApiObject,
    Argument,
    Bound,
    Const,
    Function,
    Partial,
    Tuple,
    Value,
    is_none,
)

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.source.code import Place

for _room in ("tf.estimator", "tf.contrib.learn"):
    CONSTANTS[f"{_room}.ModeKeys.TRAIN"] = "train"
    CONSTANTS[f"{_room}.ModeKeys.EVAL"] = "eval"
CONSTANTS["tf.estimator.ModeKeys.PREDICT"] = CONSTANTS["tf.contrib.learn.ModeKeys.INFER"] = "infer"

_MODES = {"train": "train", "fit": "train", "evaluate": "eval", "predict": "infer"}


_CANNED = tuple(
    f"{room}.{family}{task}"
    for room in ("tf.estimator", "tf.contrib.learn")
    for family in ("Linear", "DNN", "DNNLinearCombined", "Baseline", "BoostedTrees")
    for task in ("Classifier", "Regressor")
)
"""Estimators that have their network already."""


@handles("tf.estimator.Estimator", "tf.contrib.learn.Estimator", "tf.contrib.tpu.TPUEstimator", *_CANNED)
def estimator(call: ApiCall) -> Value:
    return call.object("estimator")


@handles(
    "tf.estimator.inputs.numpy_input_fn",
    "tf.estimator.inputs.pandas_input_fn",
    "tf.contrib.learn.io.numpy_input_fn",
    "tf.contrib.learn.io.pandas_input_fn",
)
def arrays_input(call: ApiCall) -> Value:
    """An input function that cuts arrays into batches."""
    size = batch_axis(call)
    pair = tuple(batched(call, rows_of(call, call.value(name), name)[0], size, f"batch {name}") for name in ("x", "y"))
    return call.object("input function", element=pair[0] if is_none(call.value("y")) else Tuple(items=pair))


@handles("tf.estimator.TrainSpec", "tf.estimator.EvalSpec")
def specification(call: ApiCall) -> Value:
    return call.object("object")


@method("estimator", *_MODES)
def run_estimator(call: ApiCall) -> Value:
    mode = _MODES[call.machine.method_name]
    given = call.arguments.keywords.get("input_fn") or next(iter(call.arguments.positional), None)
    record = call.machine.object(call.receiver)
    if record is not None and given is not None:
        source = enter(call, record, call.machine.resolve(given.value), mode)
        order = () if call.name.startswith("tf.contrib.") else ("input_fn", "steps", "hooks")
        bound = {**dict(zip(order, call.arguments.positional)), **call.arguments.keywords}
        if mode == "eval" and not call.arguments.open and "hooks" not in bound and "input_fn" in bound:
            _evaluated(call, source, given.place, bound.get("steps"))
    return (call.receiver or UNKNOWN) if mode == "train" else UNKNOWN


@handles("tf.estimator.train_and_evaluate")
def train_and_evaluate(call: ApiCall) -> Value:
    call.bind_as("estimator", "train_spec", "eval_spec")
    record = call.machine.object(call.value("estimator"))
    for name, mode in (("train_spec", "train"), ("eval_spec", "eval")):
        spec = call.machine.object(call.value(name))
        argument = spec.arguments.get("input_fn") if spec is not None else None
        if record is not None and record.kind == "estimator" and argument is not None:
            source = enter(call, record, call.machine.resolve(argument.value), mode)
            hooks = spec.arguments.get("hooks") if spec is not None else None
            steps = spec.arguments.get("steps") if spec is not None else None
            if mode == "eval" and steps is not None and (hooks is None or is_none(hooks.value)):
                _evaluated(call, source, argument.place, steps)
    return UNKNOWN


def _evaluated(call: ApiCall, source: Value, given: Place | None, steps: Argument | None) -> None:
    machine = call.machine
    machine.record(Evaluation(place=call.place, context=machine.context(), inputs=source, given=given, steps=steps))


def enter(call: ApiCall, record: ApiObject, inputs: Value, mode: str) -> Value:
    """What the input function gives; builds the network of it as the estimator does in a mode."""
    machine = call.machine
    argument = record.arguments.get("model_fn")
    function = machine.resolve(argument.value) if argument is not None else UNKNOWN
    names = _parameters(function)
    is_canned = argument is None and record.name in _CANNED
    if not names and not is_canned:
        return UNKNOWN
    with machine.within(iteration=(*machine.iteration, mode)):
        source = _source(call, inputs)
        if is_canned:
            return source
        element = _element(call, source)
        known = isinstance(element, Tuple) and len(element.items) == 2
        features, labels = element.items if known else (element, UNKNOWN)  # type: ignore[attr-defined]
        params = record.arguments.get("params")
        values: dict[str, Value] = {
            "features": features,
            "labels": NONE if mode == "infer" else labels,
            "mode": Const(value=mode),
            "params": machine.resolve(params.value) if params is not None else NONE,
            "config": UNKNOWN,
        }
        positional: list[Argument] = []
        keywords: dict[str, Any] = {}
        for index, name in enumerate(names):
            if name in values:
                keywords[name] = Argument(value=values[name], place=None)
            elif index < 2:
                # Features and labels come by position and may be called otherwise.
                positional.append(Argument(value=(features, values["labels"])[index], place=None))
        depth = len(machine.recordings)
        machine.begin()
        try:
            calls.call(machine, function, Arguments(positional, keywords), call.place)
        finally:
            while len(machine.recordings) > depth:
                if mode != "train":
                    # The training step may be built in every mode, and is run in one.
                    events = machine.recordings[-1].events
                    events[:] = [event for event in events if not isinstance(event, Minimize)]
                machine.commit()
    return source


def _parameters(function: Value) -> list[str]:
    if isinstance(function, Function):
        return [
            parameter.name for parameter in function.define.parameters if parameter.kind in ("normal", "keyword-only")
        ]
    if isinstance(function, Bound):
        return _parameters(function.function)[1:]
    if isinstance(function, Partial):
        given = {name for name, _ in function.keywords}
        return [name for name in _parameters(function.function)[len(function.positional) :] if name not in given]
    return []


def _source(call: ApiCall, inputs: Value) -> Value:
    """What an input function returns: a dataset or tensors; an input function of arrays is that itself."""
    if not isinstance(inputs, (Function, Bound, Partial)):
        return inputs
    return call.machine.resolve(calls.call(call.machine, inputs, Arguments([], {}), call.place))


def _element(call: ApiCall, source: Value) -> Value:
    """The (features, labels) of what an input function returns."""
    machine = call.machine
    record = machine.object(source)
    if record is not None and record.kind == "input function":
        return record.fields.get("element", UNKNOWN)
    if record is not None and record.kind == "dataset":
        return machine.resolve(record.fields.get("element", UNKNOWN))
    return source
