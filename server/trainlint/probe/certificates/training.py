"""Certificates of rules about the training loop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.probe.certificates.request import (
    Checks,
    Decision,
    Readings,
    Request,
    certifies,
    computed,
    confirmed,
    follows,
)
from trainlint.program.events import Compile, ModelCall, TrainableSet
from trainlint.program.freezing import parts
from trainlint.program.gradients import cuts
from trainlint.program.training import holds_out
from trainlint.program.values import Const

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json


@certifies("trainable-toggled-after-compile", network=False)
def _toggled(r: Request) -> Checks | str:
    toggle = next((e for e in r.program.events_of(TrainableSet) if e.place == r.finding.place), None)
    if toggle is None or toggle.value is None:
        return "what `trainable` is set to is unknown"
    fitted = False
    for event in r.program.events:
        if event is toggle:
            break
        if isinstance(event, Compile):
            fitted = False
        elif isinstance(event, ModelCall) and event.training and toggle.target in parts(r.program, event.model):
            fitted = True
    check = {"check": "toggled", "value": toggle.value, "fitted": fitted}
    when = "after a first training" if fitted else "after compiling"

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        library = found["library"]
        if found["error"]:
            return confirmed(f"{library} stops in the next training with {found['error'].rstrip('.')}")
        frozen = "freeing" if toggle.value else "freezing"
        effect = "moves" if found["moved"] > 0 else "stays as it is"
        return computed(
            not found["honoured"],
            f"in {library} a layer {effect} in the next training although {frozen} it {when} says otherwise",
            f"in {library} {frozen} a layer {when} holds for the next training",
        )

    return Checks((check,), decide)


@certifies("callback-monitor-mismatch", network=False)
def _logged(r: Request) -> Checks | Decision | str:
    text = r.finding.message
    if "for the best" in text:
        return follows(text.split(": ", 1)[-1])
    watched = re.search(r"watches `([^`]+)`", text)
    call = next((c for c in r.program.model_calls if c.training), None)
    event = next((e for e in r.program.compiled if call is not None and e.model is call.model), None)
    if watched is None or event is None or call is None:
        return "the metrics are not known"
    given = event.arguments.get("metrics")
    metrics: list[str | Json] = []
    for item in r.program.items(given.value) if given is not None else ():
        record = r.program.object(item)
        if isinstance(item, Const) and isinstance(item.value, str):
            metrics.append(item.value)
        elif record is not None and record.name.startswith("keras.metrics.") and not record.arguments:
            metrics.append({"class": record.name.rsplit(".", 1)[-1]})
        else:
            return "the names of the metrics are their own"
    name = watched.group(1)
    check = {"check": "logged", "metrics": metrics, "validation": holds_out(call)}

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        names = ", ".join(f"`{each}`" for each in found["names"])
        return computed(
            name not in found["names"],
            f"with these metrics {found['library']} logs {names}, and no `{name}`",
            f"with these metrics {found['library']} logs `{name}`",
        )

    return Checks((check,), decide)


@certifies("layer-created-in-call", network=False)
def _anew(r: Request) -> Checks:
    named = re.search(r"this `(\w+)` layer", r.finding.message)
    check: Json = {"check": "made-in-call"}
    if named is not None:
        check["layer"] = named.group(1)
        known = _SMALL.get(named.group(1))
        if known is None and named.group(1) not in _PLAIN:
            check["layer"] = "Dense"
        elif known is not None:
            check.update(known)

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        library = found["library"]
        if found["error"]:
            return confirmed(f"{library} stops with {found['error'].rstrip('.')}")
        refused = f", and `fit` ends with {found['fit'].rstrip('.')}" if found.get("fit") else ""
        kept = "1 weight" if found["kept"] == 1 else f"{found['kept']} weights"
        same = "" if found["same"] else "two calls with the same input give different answers, and "
        return computed(
            not found["kept"],
            f"in {library} {same}the model keeps {kept} of such a layer{refused}",
            f"in {library} the model keeps {kept} of such a layer",
        )

    return Checks((check,), decide)


_PLAIN = ("Dense", "BatchNormalization", "LayerNormalization")
_SMALL: dict[str, Json] = {
    "Conv2D": {"arguments": {"filters": 2, "kernel_size": 3}, "shape": [5, 5, 2]},
    "Conv1D": {"arguments": {"filters": 2, "kernel_size": 3}, "shape": [5, 2]},
    "LSTM": {"arguments": {"units": 2}, "shape": [4, 2]},
    "GRU": {"arguments": {"units": 2}, "shape": [4, 2]},
    "SimpleRNN": {"arguments": {"units": 2}, "shape": [4, 2]},
}


@certifies("apply-gradients-order", network=False)
def _pairs(r: Request) -> Checks:
    step = r.of_kind("train")
    name = step.symbol.path if step is not None and step.symbol is not None else ""
    form = "v1" if ".train." in name and "keras" not in name else "keras"

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        library = found["library"]
        if found["error"]:
            return confirmed(f"{library} stops at such a pair with {found['error'].rstrip('.')}")
        return computed(
            not found["right"],
            f"in {library} such a pair moves the variable by {found['moved']:g}, not by rate times gradient",
            f"{library} takes the pairs in this order as well",
        )

    return Checks(({"check": "pairs", "form": form},), decide)


@certifies("broken-gradient-path")
def _still(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision:
        norms = readings[0]["gradients"]
        still = [name for name, values in norms.items() if all(value == 0 for value in values)]
        count = f"{len(still)} of {len(norms)}"
        return computed(bool(still), f"{count} weights get no gradient at all", "every weight gets a gradient")

    return Checks(({"check": "gradients"},), decide)


@certifies("broken-gradient-path", network=False)
def _cut(r: Request) -> Decision | None:
    for event in r.program.minimized:
        for cut in cuts(r.program, event.loss):
            if cut.operation.place == r.finding.place:
                return follows(f"all ways from the loss to a weight go through here, and {cut.what} no slope")
    return None


@certifies("model-reused-across-folds")
def _learned(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision:
        change = {
            name: max((v for v in values if v is not None), default=0.0)
            for name, values in readings[0]["change"].items()
        }
        moved = [name for name, value in change.items() if value > 0]
        most = max(change.values(), default=0.0)
        return computed(
            bool(moved),
            f"after 25 steps {len(moved)} of {len(change)} weights have moved, by up to {most:.0%}, and nothing sets "
            "them back before the next fold",
            "the weights do not move within 25 steps",
        )

    return Checks(({"check": "moves"},), decide)


@certifies("model-reused-across-folds", network=False)
def _same_model(r: Request) -> Decision:
    return follows(
        "the model is made before the loop and nothing sets its weights back, so a fold starts from the weights of the "
        "one before, whose test rows it may have learned"
    )


@certifies("frozen-random-weights", network=False)
def _frozen(r: Request) -> Decision | str:
    record = next((o for _, o in r.program.objects if r.is_at(o) and "backbone" in o.fields), None)
    if record is None:
        return "the frozen part was not found"
    return follows(
        "the weights are drawn at random, are frozen in every training and are never loaded: they stay as they were "
        "drawn"
    )
