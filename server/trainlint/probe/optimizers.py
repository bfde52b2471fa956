"""The optimizer of a program as an experiment writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.probe.refusal import NotCarried
from trainlint.program.heads import optimizer_name
from trainlint.program.values import ApiObject, Const, Ref, Tensor, is_none
from trainlint.program.weights import constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainlint.probe.experiment import Json
    from trainlint.program.program import Program
    from trainlint.program.values import Argument, Value

_NAMES = {
    "SGD": "SGD", "GradientDescent": "SGD", "Momentum": "Momentum", "Adam": "Adam", "AdamW": "AdamW", "Nadam": "Nadam",
    "Adamax": "Adamax", "RMSprop": "RMSprop", "RMSProp": "RMSprop", "Adagrad": "Adagrad", "Adadelta": "Adadelta",
    "Ftrl": "Ftrl", "Lion": "Lion",
}  # fmt: skip

_KEYS = (
    "momentum", "nesterov", "beta_1", "beta_2", "rho", "epsilon", "amsgrad", "centered", "clipnorm", "clipvalue",
    "global_clipnorm", "weight_decay", "initial_accumulator_value",
)  # fmt: skip

_SPELLED = {"beta1": "beta_1", "beta2": "beta_2", "use_nesterov": "nesterov", "decay": "rho"}
"""Arguments of tf.train under the names of Keras; `decay` of its RMSProp is the rho."""

_USUAL: dict[str, Json] = {
    "SGD": {"momentum": 0.0}, "Momentum": {"momentum": 0.9}, "Adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "AdamW": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004},
    "Nadam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Adamax": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "RMSprop": {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "Adagrad": {"initial_accumulator_value": 0.1, "epsilon": 1e-7}, "Adadelta": {"rho": 0.95, "epsilon": 1e-7},
    "Ftrl": {"initial_accumulator_value": 0.1}, "Lion": {"beta_1": 0.9, "beta_2": 0.99},
}  # fmt: skip

_EPSILON_OF_1 = {"Adam": 1e-8, "Adadelta": 1e-8, "RMSprop": 1e-10}

_RATES = {"SGD": 0.01, "Lion": 1e-4}


def optimizer_of(program: Program, value: Value, left_out: list[str]) -> Json:
    """The optimizer that takes the steps; raises NotCarried for one that is not known."""
    record = program.object(value)
    if record is None:
        raise NotCarried("the optimizer is unknown")
    name = _NAMES.get(optimizer_name(record))
    if name is None:
        raise NotCarried(f"the optimizer `{record.name.rsplit('.', 1)[-1]}` is not rebuilt", record.place)
    form = "v1" if record.symbol.name.startswith("tf.") else "keras"
    spec: Json = {"name": "SGD" if name == "Momentum" else name, "form": form, **_USUAL[name]}
    if form == "v1" and name in _EPSILON_OF_1:
        spec["epsilon"] = _EPSILON_OF_1[name]
    arguments = record.arguments
    for key, argument in arguments.items():
        ours = _SPELLED.get(key, key) if form == "v1" else key
        if ours not in _KEYS or (ours == "rho" and name not in ("RMSprop", "Adadelta")):
            continue
        number = _plain(argument.value)
        if number is not None:
            spec[ours] = number
        elif not is_none(argument.value) and argument.given:
            raise NotCarried(f"`{key}` of the optimizer is unknown", record.place)
    spec.update(_rate(program, record, arguments, name, left_out))
    return spec


def _rate(
    program: Program, record: ApiObject, arguments: Mapping[str, Argument], name: str, left_out: list[str]
) -> Json:
    argument = arguments.get("learning_rate") or arguments.get("lr")
    # An argument that this version ignores leaves the default.
    if argument is None or is_none(argument.value):
        return {"learning_rate": _RATES.get(name, 1e-3)}
    number = _plain(argument.value)
    if number is not None:
        return {"learning_rate": number}
    schedule = program.object(argument.value) if isinstance(argument.value, Ref) else None
    source = program.operation(argument.value) if isinstance(argument.value, Tensor) else None
    for arguments in (
        schedule.arguments if schedule is not None else {},
        source.arguments if source is not None else {},
    ):
        for key in ("initial_learning_rate", "learning_rate"):
            first = arguments.get(key)
            number = _plain(first.value) if first is not None else None
            if number is not None:
                left_out.append("the schedule of the learning rate (its first value is taken)")
                return {"learning_rate": number}
    if isinstance(argument.value, Tensor):
        from trainlint.probe.network import ENTRIES, fed_numbers

        entry = program.operation(argument.value)
        fed = fed_numbers(program, entry) if entry is not None and entry.kind in ENTRIES else None
        if fed is not None:
            return {"learning_rate": fed[0]}
    raise NotCarried("the learning rate is unknown", argument.place or record.place)


def _plain(value: Any) -> Any:
    if isinstance(value, Const) and isinstance(value.value, (bool, int, float)):
        return value.value
    return constant(value)
