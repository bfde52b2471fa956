"""Certificates of rules about metrics: the installed metric beside a count by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.probe.certificates.request import (
    Checks,
    Decision,
    Readings,
    Request,
    acquitted,
    certifies,
    computed,
    confirmed,
    follows,
    harmless,
)
from trainlint.program.heads import width
from trainlint.program.metrics import measured
from trainlint.program.values import Const
from trainlint.program.weights import constant

if TYPE_CHECKING:
    from trainlint.probe.experiment import Json

USUAL_CLASSES = 10
"""Classes that are taken where the program does not tell: ties count as hits for any number of them."""


@certifies("tie-counting-accuracy", network=False)
def _ties(r: Request) -> Checks | str:
    operation = r.of_kind("in-top-k")
    name, k, scores = "in_top_k", 1, None
    if operation is not None:
        given = operation.attributes.get("k")
        k, scores = given if isinstance(given, int) else 1, operation.inputs[0]
    else:
        use = next((m for m in measured(r.program) if m.place == r.finding.place), None)
        if use is None:
            return "the metric was not found"
        argument = use.arguments.get("k")
        number = constant(argument.value) if argument is not None and argument.given else 5
        name, k, scores = use.metric, int(number or 5), use.predictions
    size = width(r.program, scores)
    classes = size if isinstance(size, int) and size > k else max(USUAL_CLASSES, 2 * k)

    def decide(readings: Readings) -> Decision:
        value = readings[0]["value"]
        return computed(
            value > 1.5 * k / classes,
            f"for a network that answers the same for every class this accuracy is {value:.0%}, "
            f"where guessing gives {k / classes:.0%}",
            f"equal answers count as {value:.0%}",
        )

    return Checks(({"check": "metric-on-ties", "metric": name, "k": k, "classes": classes},), decide)


@certifies("argmax-single-output")
def _constant(r: Request) -> Checks | str:
    operation = r.of_kind("argmax")
    node = r.node(operation)
    if node is None:
        return "the argmax cannot be rebuilt"
    if "along the samples" in r.finding.message or "all" in r.finding.message.split(" samples")[0]:
        return _over_rows(node)

    def decide(readings: Readings) -> Decision:
        count = readings[0]["count"]
        text = f"{count} different value{'' if count == 1 else 's'} over all rows and seeds"
        return computed(count == 1, text)

    return Checks(({"check": "distinct-values", "node": node},), decide)


def _over_rows(node: str) -> Checks:
    def decide(readings: Readings) -> Decision:
        shape, rows = list(readings[0]["shape"]), readings[0]["rows"]
        return computed(
            rows not in shape,
            f"for {rows} rows there are answers of shape {shape}: one for each class, not one for each row",
            f"for {rows} rows there are answers of shape {shape}",
        )

    return Checks(({"check": "shape", "node": node},), decide)


@certifies("argmax-single-output", network=False)
def _one_entry(r: Request) -> Decision | None:
    operation = r.of_kind("argmax")
    if operation is None:
        return None
    if "always 0" in r.finding.message:
        return follows("the largest of one entry is entry 0, for every row")
    if "without an axis" in r.finding.message:
        return follows("`argmax` without an axis gives one number for the whole array, not one for each row")
    return None


@certifies("metric-output-mismatch", network=False)
def _counted(r: Request) -> Checks | str:
    use = next(
        (
            m
            for m in measured(r.program)
            if m.place == r.finding.place and f"`{m.text or m.metric}`" in r.finding.message
        ),
        None,
    )
    use = use or next((m for m in measured(r.program) if m.place == r.finding.place), None)
    if use is None:
        return "the metric was not found"
    gives = "scores" if "gets scores" in r.finding.message else "probabilities"
    units = use.units if use.units is not None else width(r.program, use.predictions)
    size = units if isinstance(units, int) else 5 if "class numbers" in r.finding.message else 1
    name = "BinaryAccuracy" if use.metric == "accuracy" and use.form != "v1" else use.metric
    arguments: dict[str, Any] = {
        key: argument.value.value for key, argument in use.arguments.items()
        if argument.given and key != "name" and isinstance(argument.value, Const)
        and isinstance(argument.value.value, (int, float, bool))
    } if use.form in ("object", "call") else {}  # fmt: skip
    ids = "but gets class numbers" in r.finding.message or (
        use.metric.startswith("Sparse") and "one-hot" not in r.finding.message
    )
    check = {
        "check": "counted", "metric": use.metric, "class": name, "arguments": arguments, "gives": gives, "units": size,
        "labels": "class-ids" if ids else "rows", "form": use.form,
    }  # fmt: skip

    def decide(readings: Readings) -> Decision:
        found = readings[0]
        library, by_hand, what = found["library"], found["by_hand"], found["what"]
        if found["error"]:
            return confirmed(f"{library} stops with {found['error'].rstrip('.')} for such answers")
        reported = found["reported"]
        wrong = reported is None or abs(reported - by_hand) > 0.01
        said = "nothing" if reported is None else f"{reported:.3f}"
        return computed(
            wrong,
            f"for {found['rows']} made-up answers {what} is {by_hand:.3f} when counted by hand, and {library} "
            f"reports {said}",
            f"{library} reports {said} for {found['rows']} made-up answers, as counted by hand",
        )

    return Checks((check,), decide)


@certifies("accuracy-for-regression", network=False)
def _of_numbers(r: Request) -> Checks:
    def decide(readings: Readings) -> Decision:
        found = readings[0]
        text = (
            f"for answers that are all off by 0.001 {found['library']} reports an accuracy of {found['close']:.2f}, "
            f"and {found['exact']:.2f} for answers that are all exact"
        )
        return computed(found["close"] < 0.5, text)

    return Checks(({"check": "of-exact-numbers"},), decide)


@certifies("redundant-reduction")
def _same_number(r: Request) -> Checks | str:
    operation = r.of_kind("reduce")
    inner = r.program.operation(operation.inputs[0]) if operation is not None else None
    one, other = r.node(operation), r.node(inner)
    if one is None or other is None:
        return "the loss cannot be rebuilt"

    def decide(readings: Readings) -> Decision:
        if readings[0]["equal"]:
            return harmless("the loss is the same number with and without it: training is the same number by number")
        return confirmed("the loss is another number without it")

    return Checks(({"check": "equal", "nodes": [one, other]},), decide)


@certifies("redundant-reduction", network=False)
def _of_one_number(r: Request) -> Decision | None:
    operation = r.of_kind("reduce")
    inner = r.program.tensor(operation.inputs[0]) if operation is not None else None
    if inner is None or inner.shape != ():
        return None
    return acquitted("the mean or sum of one number is that number: training is the same number by number")


@certifies("threshold-domain-mismatch")
def _threshold(r: Request) -> Checks | str:
    sigmoid = "always greater than 0" in r.finding.message
    node = r.predictions
    check: Json = {
        "check": "thresholds",
        "node": node,
        "threshold": 0.0 if sigmoid else 0.5,
        "meant": 0.5 if sigmoid else 0.0,
    }
    if not sigmoid:
        check["noise"] = True

    def decide(readings: Readings) -> Decision:
        share, above = readings[0]["share"], readings[0]["above"]
        if sigmoid:
            return computed(above == 1.0, f"{above:.0%} of the answers are above the threshold, whatever goes in")
        text = f"of scores of usual size {share:.0%} are taken for the other class by this threshold"
        return computed(share > 0, text)

    return Checks((check,), decide)


@certifies("threshold-domain-mismatch", network=False)
def _half(r: Request) -> Decision | None:
    if "0.5" in r.finding.message:
        return follows("a score of 0.5 is a probability of 0.62: rows between 0.50 and 0.62 get the other class")
    if "always greater than 0" in r.finding.message:
        return follows("a sigmoid is above 0 for every number, so every row gets the same class")
    return None


@certifies("shuffled-prediction-order", network=False)
def _order(r: Request) -> Checks | str:
    from trainlint.program.pipelines import reshuffles, step_of

    places = set(r.traced())
    cause = next((o for _, o in r.program.objects if o.kind == "dataset" and o.place in places and reshuffles(o)), None)
    if cause is None:
        return "what shuffles was not found"
    loader = not step_of(cause)
    if loader:
        name = cause.symbol.path
        flows = "ImageDataGenerator" in name or "flow" in cause.name.rsplit(".", 1)[-1]
        check: Json = (
            {"check": "order", "how": "generator"} if flows else {"check": "loader-shuffles", "function": name}
        )
        given = cause.arguments.get("shuffle")
        if given is not None and given.given and isinstance(given.value, Const):
            check = {"check": "order", "how": "generator", "shuffle": bool(given.value.value)}
    else:
        check = {"check": "order"}

    def decide(readings: Readings) -> Decision | str:
        found = readings[0]
        if "in_order" in found:
            return computed(
                not found["in_order"] and not found.get("same", False),
                f"in {found['library']} a pass over it gives the rows in another order than their own",
                f"in {found['library']} the rows come in the same order each time",
            )
        if found["shuffle"] is None:
            return "whether the installed loader shuffles is not known"
        return computed(
            bool(found["shuffle"]),
            f"in {found['library']} this loader shuffles where nobody says otherwise",
            f"in {found['library']} this loader keeps the order",
        )

    return Checks((check,), decide)


@certifies("evaluated-on-training-data", network=False)
def _same_rows(r: Request) -> Decision:
    return follows(
        "every row that is evaluated is one that is trained on, so what was learned by heart counts as right"
    )
