"""Certificates of rules about data: rows, splits, and ranges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
from trainlint.program.pipelines import step_of
from trainlint.program.values import ApiObject, Const

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json


@certifies("features-labels-shuffled-apart", network=False)
def _apart(r: Request) -> Checks:
    only_one = "stay in theirs" in r.finding.message

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        how = "one of them is shuffled" if only_one else "both are shuffled one after the other"
        return computed(
            found["together"] < found["of"],
            f"of {found['of']} rows {found['together']} keep their label where {how}",
        )

    return Checks(({"check": "apart", "only_one": only_one},), decide)


@certifies("shuffled-take-skip-leak", network=False)
def _overlap(r: Request) -> Checks | str:
    cause = next((o for _, o in r.program.objects if o.kind == "dataset" and r.is_at(o)), None)
    if cause is None:
        return "the dataset was not found"
    check: Json = {"check": "overlap"}
    if "shard" in r.finding.message:
        check["parts"] = "shard"
    for name, key in (("buffer_size", "buffer"), ("reshuffle_each_iteration", "reshuffle"), ("seed", "seed")):
        argument = cause.arguments.get(name)
        value = argument.value if argument is not None and argument.given else None
        if step_of(cause) == "shuffle" and isinstance(value, Const) and isinstance(value.value, (int, bool)):
            check[key] = value.value

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        return computed(
            found["overlap"] > 0,
            f"in {found['library']} {found['overlap']} of {found['of']} rows of the second part were in the first "
            "part of the pass before",
            f"in {found['library']} the two parts have no row in common",
        )

    return Checks((check,), decide)


@certifies("embedding-vocabulary-off-by-one", network=False)
def _beyond(r: Request) -> Checks | str:
    numbers = re.findall(r"(?<![\w.])(\d+)(?![\w.])", r.finding.message)
    operation = r.near("embedding")
    rows = operation.attributes.get("vocabulary") if operation is not None else None
    words = "len(word_index)" in r.finding.message
    checks: list[Json] = [{"check": "looked-up"}]
    if words:
        checks.append({"check": "words"})
    elif isinstance(rows, int) and numbers:
        largest = max(int(n) for n in numbers)
        checks[0]["beyond"] = max(0, largest - rows)
    else:
        return "the numbers are not known"

    def decide(readings: Readings) -> Decision:
        looked, library = readings[0], readings[0]["library"]
        effect = (
            f"looking it up ends with {looked['error'].rstrip('.')}"
            if looked["error"]
            else f"looking it up gives {looked['values']}"
        )
        if words:
            found = readings[1]
            return computed(
                found["largest"] >= found["words"],
                f"in {library} the tokenizer numbers {found['words']} words from 1 to {found['largest']}, for which "
                f"there is no row; {effect}",
                f"in {library} the largest number is below the number of words",
            )
        return confirmed(f"the largest number has no row, and in {library} {effect}")

    return Checks(tuple(checks), decide)


@certifies("backbone-preprocessing-mismatch", network=False)
def _pixels(r: Request) -> Checks | str:
    model = next(
        (o for _, o in r.program.objects if o.name.startswith("keras.applications.") and _is_about(r, o)), None
    )
    module = _MODULES.get(model.name.rsplit(".", 1)[-1]) if model is not None else None
    given = next((span for words, span in _GIVEN.items() if words in r.finding.message), None)
    if module is None:
        return "which module the network comes from is not known"
    other = re.search(r"`(\w+)\.preprocess_input`", r.finding.message)
    checks: list[Json] = [{"check": "preprocessed", "module": module}]
    if given is None and other is not None:
        checks.append({"check": "preprocessed", "module": other.group(1)})
    elif "scaled twice" in r.finding.message or "scaled before" in r.finding.message:
        checks.append({"check": "preprocessed", "module": module, "high": 1.0})
    elif given is None:
        return "which range reaches the network is not known"

    def decide(readings: Readings) -> Decision:
        wanted, library = readings[0], readings[0]["library"]
        low, high = given if given is not None else (readings[1]["low"], readings[1]["high"])
        away = max(abs(low - wanted["low"]), abs(high - wanted["high"]))
        return computed(
            away > 0.05 * (wanted["high"] - wanted["low"]),
            f"what {library} prepares for this network runs from {wanted['low']:.4g} to {wanted['high']:.4g}, "
            f"what it gets here from {low:.4g} to {high:.4g}",
            f"what it gets here runs from {low:.4g} to {high:.4g}, as {library} prepares it",
        )

    return Checks(tuple(checks), decide)


_GIVEN = {
    "between 0 and 1": (0.0, 1.0), "between -1 and 1": (-1.0, 1.0), "between 0 and 255": (0.0, 255.0),
}  # fmt: skip

_MODULES: dict[str, str] = {
    "VGG16": "vgg16", "VGG19": "vgg19", "Xception": "xception", "InceptionV3": "inception_v3",
    "InceptionResNetV2": "inception_resnet_v2", "MobileNet": "mobilenet", "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3", "MobileNetV3Large": "mobilenet_v3", "NASNetMobile": "nasnet",
    "NASNetLarge": "nasnet",
    **{f"EfficientNetB{n}": "efficientnet" for n in range(8)},
    **{f"EfficientNetV2{n}": "efficientnet_v2" for n in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    **{f"ResNet{n}": "resnet50" if n == 50 else "resnet" for n in (50, 101, 152)},
    **{f"ResNet{n}V2": "resnet_v2" for n in (50, 101, 152)},
    **{f"DenseNet{n}": "densenet" for n in (121, 169, 201)},
    **{f"ConvNeXt{n}": "convnext" for n in ("Tiny", "Small", "Base", "Large", "XLarge")},
}  # fmt: skip


def _is_about(r: Request, record: ApiObject) -> bool:
    return (
        r.is_at(record) or record.place in set(r.traced()) or f"`{record.name.rsplit('.', 1)[-1]}`" in r.finding.message
    )


@certifies("endless-data", network=False)
def _endless(r: Request) -> Checks | Decision:
    proof = follows("these data start over for ever, and nothing says after how many steps a pass is over")
    cause = next((o for _, o in r.program.objects if o.kind == "dataset" and step_of(o) == "repeat"), None)
    if cause is None:
        return proof
    argument = cause.arguments.get("count")
    value: Any = argument.value if argument is not None and argument.given else None
    given = [value.value] if isinstance(value, Const) and isinstance(value.value, int) else []

    def decide(readings: Readings) -> Decision:
        count, library = readings[0]["elements"], readings[0]["library"]
        text = f"{library} says of such a dataset that it has no end, and nothing says how many steps are taken"
        return computed(count == -1, text, f"{library} says of such a dataset that it has an end")

    return Checks(({"check": "cardinality", "arguments": given},), decide, proof)
