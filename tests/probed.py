"""Results of probes made by hand that look like real measurements."""

from __future__ import annotations

import math
import random
from typing import Any

CHECKPOINTS = [25, 50, 100, 200]
MORE_CHECKPOINTS = [25, 50, 100, 200, 400, 800]


def result(verdict: str = "confirmed", attribution: str | None = None, **changes: Any) -> dict[str, Any]:
    """The result of a finding."""
    found = {
        "verdict": verdict, "attribution": attribution, "kind": "training", "data": "synthetic",
        "backend": "tensorflow 2.21.0", "device": "cpu", "seeds": 5, "steps": 200,
        "effect": {"skill": 0.01, "skill_repaired": 0.94, "relative": 0.99, "low": 0.95, "high": 1.03, "p": 0.03125},
        "alone": None, "text": "It was measured.", "network": 0,
    }  # fmt: skip
    return {**found, **changes}


def measured(
    name: str,
    end: float,
    task: str = "teacher",
    *,
    seeds: int = 5,
    checkpoints: list[int] = CHECKPOINTS,
    run: int = 0,
    first_loss: float = 0.3,
    pace: float = 60.0,
    **changes: Any,
) -> dict[str, Any]:
    """An arm whose skill goes to `end`; its numbers depend on its name alone."""
    chance = random.Random(f"{name} {task} {run}")
    steps = checkpoints[-1]
    curve_steps = sorted({round((i + 1) * steps / 100) for i in range(100)})
    offsets = [chance.gauss(0, 0.02) for _ in range(seeds)]

    def skill(step: int, offset: float) -> float:
        return end * (1 - math.exp(-step / pace)) + offset * min(1.0, abs(end) + 0.2)

    layers = {"variable-1": 4.0, "variable-2": 1.1, "variable-3": 0.3}
    found = {
        "name": name, "task": task, "arms": [name], "run": run, "checkpoints": checkpoints,
        "skill": [[round(skill(step, offset), 4) for step in checkpoints] for offset in offsets],
        "loss": [[round(first_loss * (1 - 0.9 * max(0.0, skill(step, offset))), 4) for step in checkpoints]
                 for offset in offsets],
        "accuracy": [[round(0.5 + 0.5 * max(0.0, skill(step, offset)), 4) for step in checkpoints]
                     for offset in offsets],
        "spread": [[round(0.4 * max(0.0, skill(step, offset)), 4) for step in checkpoints] for offset in offsets],
        "curve_steps": curve_steps,
        "curve": [[round(first_loss * (1 - 0.9 * max(0.0, skill(step, offset))) * (1 + 0.02 * chance.gauss(0, 1)), 5)
                   for step in curve_steps] for offset in offsets],
        "gradients": {layer: [size, size / (1 + 9 * max(end, 0.0))] for layer, size in layers.items()},
        "activations": {
            "activation-1": [{"rms": 0.9, "zeros": 0.0, "saturated": 0.4, "dead": 0.0},
                             {"rms": 0.8, "zeros": 0.0, "saturated": 0.35, "dead": 0.0}],
            "activation-2": [{"rms": 0.05, "zeros": 0.5, "saturated": 0.0, "dead": 0.1},
                             {"rms": 0.4, "zeros": 0.5, "saturated": 0.0, "dead": 0.1}],
        },
        "update_ratio": [0.04] * seeds, "finite": [True] * seeds, "error": None,
    }  # fmt: skip
    return {**found, **changes}


def failed(name: str, task: str = "teacher", error: str = "out of memory", **changes: Any) -> dict[str, Any]:
    """An arm that could not be trained."""
    empty: dict[str, Any] = {
        "checkpoints": [], "skill": [], "loss": [], "accuracy": [], "spread": [], "curve_steps": [], "curve": [],
        "gradients": {}, "activations": {}, "update_ratio": [], "finite": [],
    }  # fmt: skip
    return {**measured(name, 0.0, task), **empty, "error": error, **changes}


def budget(seeds: int, steps: int, optimizer: str | None = None) -> dict[str, Any]:
    """A run of a probe."""
    return {"seeds": seeds, "steps": steps, "optimizer": optimizer}


def network(arms: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A network with these arms."""
    found = {
        "file": "train.py", "cell": None, "line": 7, "parameters": 171, "batch": 128,
        "task": {"kind": "binary"}, "optimizer": {"name": "Adadelta", "learning_rate": 0.001}, "raised_rate": None,
        "trained": bool(arms), "backend": "tensorflow 2.21.0",
        "device": {"name": "cpu", "reason": "no GPU is seen"}, "seconds": 3.41,
        "runs": [budget(5, 200) if arms else budget(0, 0)], "overall": None, "arms": arms,
        "repaired": {"as written": [], "all repaired": ["silent-loss-broadcast"]},
        "layers": {
            "variable-1": {"kind": "variable", "layer": "Dense kernel", "shape": [3, 10], "repaired": "variable-1"},
            "variable-2": {"kind": "variable", "layer": "Dense kernel", "shape": [10, 10], "repaired": "variable-2"},
            "variable-3": {"kind": "variable", "layer": "Dense kernel", "shape": [10, 1], "repaired": "variable-3"},
            "activation-1": {"kind": "activation", "layer": "sigmoid", "shape": None, "repaired": "activation-1"},
            "activation-2": {"kind": "activation", "layer": "relu", "shape": None, "repaired": "activation-2"},
        },
        "assumed": [], "left_out": [], "notes": [],
    }  # fmt: skip
    return {**found, **changes}


def colours(seed: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """The program of the fixture `seed` as a probe with two budgets would find it."""
    entry = seed.entry()
    findings = entry["findings"]
    broadcast, first, second, weights = (
        next(each for each in findings if each["rule"] == "silent-loss-broadcast"),
        *[each for each in findings if each["rule"] == "dtype-passed-as-trainable"],
        next(each for each in findings if each["rule"] == "oversized-initial-weights"),
    )
    broadcast["evidence"]["result"] = result(
        "confirmed", "necessary",
        text="Computed: the operand of the loss has 128 x 128 values for 128 rows; every row meets every other. "
        "The network does not learn while this is left in: skill 0.01 with it and 0.94 without, everything else "
        "repaired, after 200 steps.",
        alone={"skill": -0.004, "sufficient": False},
    )  # fmt: skip
    for each in (first, second):
        each["evidence"]["result"] = result(
            "not-reproduced", None, kind="training", seeds=None, steps=None, effect=None,
            text="Not reproduced: its repair changes nothing that this network computes.",
        )  # fmt: skip
    weights["evidence"]["result"] = result(
        "not-reproduced", "harmless-here", seeds=8, steps=800,
        effect={"skill": 0.95, "skill_repaired": 0.96, "relative": 0.01, "low": -0.01, "high": 0.03, "p": 0.4},
        alone={"skill": 0.02, "sufficient": False},
        text="No harm was measured in this program: skill 0.95 with it and 0.96 without, everything else repaired, "
        "after 800 steps.",
    )  # fmt: skip
    arms = []
    for task, best in (("teacher", 0.94), ("prototypes", 0.97)):
        arms += [
            measured("as written", -0.02, task),
            measured("as written", -0.01, task, seeds=8, checkpoints=MORE_CHECKPOINTS, run=1),
            measured("all repaired", best, task, arms=["all repaired", "all but dtype-passed-as-trainable"]),
            measured("all but silent-loss-broadcast", 0.01, task),
            measured("all but oversized-initial-weights", best - 0.06, task),
            measured("only silent-loss-broadcast", -0.01, task),
            measured("only oversized-initial-weights", 0.02, task),
            measured("all repaired", best + 0.02, task, seeds=8, checkpoints=MORE_CHECKPOINTS, run=1,
                     arms=["all repaired", "all but dtype-passed-as-trainable"]),
            measured("all but oversized-initial-weights", best + 0.01, task, seeds=8, checkpoints=MORE_CHECKPOINTS,
                     run=1),
        ]  # fmt: skip
    made = network(
        arms,
        runs=[budget(5, 200), budget(8, 800)],
        overall={"skill": -0.02, "skill_repaired": 0.94, "relative": 1.02, "low": 1.0, "high": 1.05, "p": 0.03125},
        assumed=["labels of unknown values: 0 and 1 are taken"],
        left_out=["batches of 4096 rows (512 are taken)"],
    )
    return [entry], [made]
