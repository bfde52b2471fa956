"""`python -m bench.probe_battery --python PATH`: does the probe tell mistakes from harmless choices?

Pairs of dense networks that differ in one thing, with the verdict that it should come to, then pairs of equal ones.
The rows are those of the measurements that the probe's rule was made from; `exact` ones must come out as they say,
the others must not come out as the opposite. Those of colours learn what was learned there: bright or dark. "i" is
inconclusive after 1,600 steps, too. What only a certificate may decide (dropout, double softmax, ties) is left to
tests/probe.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from bench.probe_specs import NORMAL, adadelta, adam, dense, experiment, sgd
from trainlint.probe.client import Limits, Worker
from trainlint.probe.plan import MORE_SEEDS, MORE_STEPS, MOST_SEEDS, MOST_STEPS, SEEDS, STEPS, TASKS
from trainlint.probe.verdict import CONFIRMED, INCONCLUSIVE, NOT_REPRODUCED, agreed, compare

BUDGETS = ((SEEDS, STEPS), (MORE_SEEDS, MORE_STEPS), (MOST_SEEDS, MOST_STEPS))

SHORT = {CONFIRMED: "C", NOT_REPRODUCED: "N", INCONCLUSIVE: "I"}

BYTES = {"kind": "interval", "low": 0.0, "high": 255.0}
UNIT = {"kind": "interval", "low": 0.0, "high": 1.0}
CENTRED = {"kind": "interval", "low": -1.0, "high": 1.0}
SHIFTED = {"kind": "normal", "mean": 127.0, "rms": 180.0}
COUNTS = {"kind": "counts", "rms": 10.0}
BINARY = {"outputs": 1, "kind": "binary"}
SQUARED = {**BINARY, "loss": "raw-squared-error", "last": "sigmoid", "from_logits": False}
CROSS = {**BINARY, "loss": "sigmoid-cross-entropy", "last": "sigmoid", "from_logits": False}


# A network as large as that of the fixture with colours.
COLOURS = {"features": 3, "width": 10, "depth": 3, **CROSS}
# Three sigmoids in a row learn nothing in 200 steps at the usual rate.
SLOW = {"activation": "sigmoid", "optimizer": adam(0.01)}
BRIGHTNESS = ("linear",)


def rows() -> list[tuple[str, str, bool, dict[str, Any], dict[str, Any]]]:
    """Name, expected verdict, whether it must be exactly that, as written, repaired."""
    found: list[tuple[str, str, bool, dict[str, Any], dict[str, Any]]] = [
        ("control: He vs Glorot", "N", False, {"initial": "he"}, {}),
        ("control: std .05 vs Glorot", "N", True, {"initial": "std .05"}, {}),
    ]
    for width in (10, 64, 256):
        for depth in (1, 2, 3, 4):
            sizes = {"width": width, "depth": depth}
            found.append((f"std 1.0, width {width}, depth {depth}", "C", True, {"initial": "std 1", **sizes}, sizes))
    # fmt: off
    found += [
        ("ReLU on logits, plain data", "N", False, {"last": "relu"}, {}),
        ("ReLU on logits, counts", "C", False, {"last": "relu", "values": COUNTS}, {"values": COUNTS}),
        ("sigmoid + squared error, Adam", "N", True, SQUARED, CROSS),
        ("sigmoid + squared error, SGD .01", "C", False, {**SQUARED, "optimizer": sgd(0.01)},
         {**CROSS, "optimizer": sgd(0.01)}),
        ("missing softmax", "C", True, {"from_logits": False}, {}),
        ("[N] against [N, 1]", "C", True, {**SQUARED, "columns": False}, SQUARED),
        ("colours 0..255, ReLU", "C", True, {**COLOURS, "values": BYTES}, {**COLOURS, "values": CENTRED}),
        ("colours 0..255, sigmoid", "C", False, {**COLOURS, "values": BYTES, **SLOW},
         {**COLOURS, "values": CENTRED, **SLOW}),
        ("inputs x 127 + 127", "C", True, {"values": SHIFTED}, {"values": NORMAL}),
        ("sigmoid hidden, depth 5", "C", False, {"activation": "sigmoid", "depth": 5}, {"depth": 5}),
        ("sigmoid hidden, depth 2", "C", False, {"activation": "sigmoid"}, {}),
        ("zero initial weights", "C", True, {"initial": "zero"}, {}),
        ("constant .1 initial weights", "C", True, {"initial": "constant .1"}, {}),
        ("Adam 1.0", "C", True, {"optimizer": adam(1.0)}, {}),
        ("Adam 1e-5", "C", True, {"optimizer": adam(1e-5)}, {}),
        ("Adam 1e-6", "C", True, {"optimizer": adam(1e-6)}, {}),
        ("Adam .1", "C", False, {"optimizer": adam(0.1)}, {}),
        ("Adadelta .001 vs 1.0", "C", True, {"optimizer": adadelta(0.001)}, {"optimizer": adadelta(1.0)}),
        ("SGD 10 vs .1", "C", True, {"optimizer": sgd(10.0)}, {"optimizer": sgd(0.1)}),
    ]
    # fmt: on
    return found


def null_specs() -> dict[str, dict[str, Any]]:
    """Networks that no threshold was chosen on."""
    return {
        "two classes, width 32, RMSprop": {"outputs": 2, "width": 32, "optimizer": {
            "name": "RMSprop", "form": "keras", "learning_rate": 1e-3, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7,
            "centered": False}},
        "tanh, depth 1, momentum": {"activation": "tanh", "depth": 1, "optimizer": {**sgd(0.05), "momentum": 0.9}},
        "regression, width 48": {"outputs": 1, "kind": "regression", "loss": "squared-error", "from_logits": False,
                                 "width": 48},
        "multi-label, 4 labels": {"outputs": 4, "kind": "multi-label", "loss": "sigmoid-cross-entropy"},
        "ten classes, 40 features": {"outputs": 10, "features": 40, "width": 96},
        "binary, 8 features, elu": {**CROSS, "features": 8, "activation": "elu", "width": 24},
        "ReLU with He, depth 3": {"initial": "he", "depth": 3, "width": 40},
        "unit interval inputs": {"values": UNIT, "features": 30},
        "Adam 3e-3, width 16": {"optimizer": adam(3e-3), "width": 16},
        "leaky ReLU, three classes": {"activation": "leaky_relu", "outputs": 3, "features": 12},
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter with a backend")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--repeats", type=int, default=1, help="of each row, with other seeds")
    parser.add_argument("--nulls", type=int, default=40, help="pairs of equal networks (400 for the published figure)")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--skip-rows", action="store_true", help="only the pairs of equal networks")
    options = parser.parse_args()
    limits = Limits(seconds=1800.0)
    wrong = 0
    with Worker(options.python) as worker:
        print(f"{'row':38} {'expected':>8}  verdicts    skill as written / repaired (each task)  seconds")
        for name, expected, exact, written, repaired in rows():
            if options.only not in name or options.skip_rows:
                continue
            verdicts, line, began = [], "", time.perf_counter()
            tasks = BRIGHTNESS if name.startswith("colours") else TASKS
            arms = {"as written": dense(**written), "all repaired": dense(**repaired)}
            for repeat in range(options.repeats):
                # As a probe does it: longer, with more seeds, where it stays open.
                for seeds, steps in BUDGETS:
                    asked = experiment(arms, first_seed=100 * repeat, seeds=seeds, steps=steps, tasks=tasks)
                    found = _compared(worker.run({**asked, "device": options.device}, limits=limits))
                    verdict = SHORT[agreed([each.verdict for each in found])]
                    if verdict != "I":
                        break
                verdicts.append("i" if verdict == "I" else verdict)
                line = ", ".join(f"{each.worse:5.2f} / {each.better:4.2f}" for each in found)
            opposite = {"C": "N", "N": "C"}[expected]
            bad = any(v != expected for v in verdicts) if exact else opposite in verdicts
            wrong += bad
            mark = "  WRONG" if bad else ""
            seconds = time.perf_counter() - began
            wanted = expected + ("" if exact else "?")
            print(f"{name:38} {wanted:>8}  {' '.join(verdicts):10}  {line:40} {seconds:5.1f}{mark}", flush=True)
        if options.nulls and not options.only:
            _nulls(worker, -(-options.nulls // len(null_specs())), limits)
    print(f"{wrong} rows are not as they should be")
    return 1 if wrong else 0


def _nulls(worker: Worker, pairs: int, limits: Limits) -> None:
    """Pairs of equal networks with other seeds, which do not even share their data; longer where it stays open."""
    first, after = dict.fromkeys("CNI", 0), dict.fromkeys("CNI", 0)
    for name, spec in null_specs().items():
        found = _pairs(worker, spec, pairs, 5, 200, limits, 1000)
        again = _pairs(worker, spec, found.count("I"), 8, 800, limits, 50_000) if "I" in found else []
        final = [verdict for verdict in found if verdict != "I"] + again
        for verdict in found:
            first[verdict] += 1
        for verdict in final:
            after[verdict] += 1
        line = ", ".join(f"{found.count(v)} {v}" for v in "CNI")
        print(f"null: {name:32} {line}; longer: {', '.join(f'{final.count(v)} {v}' for v in 'CNI')}", flush=True)
    total = sum(first.values())
    print(f"null pairs: {total}; after 200 steps {first['C']} confirmed and {first['I']} inconclusive,")
    print(f"with 800 steps for these {after['C']} confirmed and {after['I']} inconclusive")


def _pairs(
    worker: Worker, spec: dict[str, Any], pairs: int, seeds: int, steps: int, limits: Limits, start: int
) -> list[str]:
    """The verdicts on pairs of one network, many at once."""
    found = []
    for first in range(0, pairs, 10):
        block = min(10, pairs - first)
        graphs, number = {"as written": dense(**spec)}, 2 * seeds * block
        asked = experiment(graphs, seeds=number, steps=steps, first_seed=start + 2 * seeds * first)
        measured = worker.run(asked, limits=limits)
        for pair in range(block):
            middle = (2 * pair + 1) * seeds
            verdicts = []
            for each in measured["arms"]:
                one, other = each["skill"][middle - seeds : middle], each["skill"][middle : middle + seeds]
                verdicts.append(compare(one, other, each["checkpoints"]))
            found.append(SHORT[agreed([each.verdict for each in verdicts])])
    return found


def _compared(measured: dict[str, Any]) -> list[Any]:
    by_task: dict[str, dict[str, Any]] = {}
    for each in measured["arms"]:
        by_task.setdefault(each["task"], {})[each["name"]] = each
    return [
        compare(found["as written"]["skill"], found["all repaired"]["skill"], found["as written"]["checkpoints"])
        for found in by_task.values()
    ]


if __name__ == "__main__":
    sys.exit(main())
