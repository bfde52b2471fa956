"""What a real TensorFlow makes of programs: the other side of the differential tests.

`TRAINLINT_TENSORFLOW` names a Python interpreter that has TensorFlow 2 with Keras 3, and tf_keras for what only
Keras 2 and TensorFlow 1 have; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.interpret.machine import run

from trainlint.interpret import builtins
from trainlint.interpret.joins import as_number
from trainlint.program import tables
from trainlint.program.dims import Symbol, is_batch
from trainlint.program.values import Const, Tensor

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

INTERPRETER = os.environ.get("TRAINLINT_TENSORFLOW")

gated = pytest.mark.skipif(not INTERPRETER, reason="TRAINLINT_TENSORFLOW names no interpreter with TensorFlow")


def generated(strategy: SearchStrategy[str], count: int) -> list[str]:
    """That many different programs of a strategy, the same ones in each run."""
    programs: dict[str, None] = {}
    # Hypothesis varies its own examples after the first ten of a run; many short runs are more different.
    for number in range(-(-count // 9)):

        @seed(number)
        @settings(
            max_examples=10,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(text: str) -> None:
            programs[text] = None

        collect()
    return list(programs)


def actual(programs: list[str], legacy: bool = False) -> list[dict[str, Any]]:
    """What TensorFlow says of each program; all run in one process, since its start takes seconds.

    `legacy` asks for Keras 2, which has the layers of TensorFlow 1.
    """
    worker = Path(__file__).with_name("reference_worker.py")
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONWARNINGS": "ignore"}
    environment["TF_USE_LEGACY_KERAS"] = "1" if legacy else "0"
    # Some of its kernels for newer processors end the process at a convolution of what other kernels refuse.
    environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
    done = subprocess.run(
        [str(INTERPRETER), str(worker)],
        env=environment,
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-3000:]
    return json.loads(done.stdout)


class Compared:
    """How often a statement of ours was the same as TensorFlow's, how often nothing was said, and each difference."""

    def __init__(self) -> None:
        self.same = 0
        self.unknown: list[str] = []
        self.different: list[str] = []

    @property
    def said(self) -> float:
        """The share of what could be said that was said."""
        return self.same / max(1, self.same + len(self.unknown) + len(self.different))


def compare(programs: list[str], legacy: bool = False) -> Compared:
    """Shapes, bounds, values and parameters of all variables `x...` of the programs, ours against TensorFlow's."""
    compared = Compared()
    for text, real in zip(programs, actual(programs, legacy)):
        interpretation = run(text, "2.11" if legacy else "2.16")
        machine = interpretation.machine
        frame = machine.roots["program.py"]
        for name, facts in real["variables"].items():
            if not name.startswith("x"):
                continue
            ours = _part(machine, machine.values.get((frame, name.partition("[")[0])), name)
            where = f"{name} in\n{text}"
            if isinstance(ours, Const) and "low" in facts:
                ours = as_number(ours)
            if not isinstance(ours, Tensor) or ours.shape is None:
                compared.unknown.append(where)
                if not isinstance(ours, Tensor):
                    continue
            else:
                _shape(compared, ours.shape, facts, where)
            if not _same_type(ours.dtype, facts.get("dtype")):
                compared.different.append(f"{ours.dtype} is {facts['dtype']}: {where}")
            compared.different += [f"{what}: {where}" for what in outside(ours, facts)]
        if real["parameters"] is not None:
            _parameters(compared, interpretation.programs[0], real["parameters"], text)
    return compared


def calls(name: str) -> list[str]:
    """Programs of one call each, from a file of calls: what comes before `---` begins all of them.

    Statements that prepare the call stand before it, with `; ` between them.
    """
    text = (Path(__file__).parent / "calls" / f"{name}.txt").read_text()
    header, _, lines = text.partition("---\n")
    return [header + _statements(line) for line in lines.splitlines() if line]


def _statements(line: str) -> str:
    *before, last = line.split("; ")
    return "".join(f"{statement}\n" for statement in (*before, last if last.startswith("for ") else f"x = {last}"))


def _part(machine: Any, value: Any, name: str) -> Any:
    """The value of a variable `x`, or of an item of it, `x[1]`."""
    ours = machine.resolve(value) if value is not None else None
    if "[" not in name or ours is None or isinstance(ours, Tensor):
        return None if "[" in name else ours
    items = builtins.items_of(machine, ours)
    index = int(name.partition("[")[2].rstrip("]"))
    return machine.resolve(items[index]) if items is not None and index < len(items) else None


_ALIKE = {
    "int": ("int32", "int64"),
    "float": ("float32", "float64"),
    "string": ("object",),
}
"""Types of Python's numbers, which become one or the other."""


def _same_type(ours: str | None, real: str | None) -> bool:
    if ours is None or real is None or ours == real or real in _ALIKE.get(ours, ()):
        return True
    return ours == "string" and real.startswith("<U")


def _shape(compared: Compared, ours: tuple[Any, ...], facts: dict[str, Any], where: str) -> None:
    real = facts["shape"]
    # A batch of numbers has some length; one of a graph or of a Keras model has none.
    has_rows = "dtype" in facts
    if len(ours) != len(real):
        compared.different.append(f"{list(ours)} is {real}: {where}")
        return
    for mine, theirs in zip(ours, real):
        if mine is None or (isinstance(mine, Symbol) and not is_batch(mine)):
            if theirs is not None:
                compared.unknown.append(f"{list(ours)} is {real}: {where}")
                return
        elif (None if isinstance(mine, Symbol) else mine) != theirs and not (isinstance(mine, Symbol) and has_rows):
            compared.different.append(f"{list(ours)} is {real}: {where}")
            return
    compared.same += 1


def outside(ours: Tensor, facts: dict[str, Any]) -> Iterator[str]:
    """What is claimed of the numbers of a tensor and is not so."""
    low, high = facts.get("low"), facts.get("high")
    if low is None or high is None or low != low or high != high:
        return
    # float32 rounds: a mean of ones may be 1.0000001.
    slack = 1e-4 * max(1.0, abs(low), abs(high))
    if ours.low is not None and low < ours.low - slack:
        yield f"low {ours.low} but {low}"
    if ours.high is not None and high > ours.high + slack:
        yield f"high {ours.high} but {high}"
    if ours.values is not None:
        strange = [v for v in facts["values"] or [low, high] if all(abs(v - known) > slack for known in ours.values)]
        if strange:
            yield f"values {ours.values} but {strange}"


def _parameters(compared: Compared, program: Any, real: int, text: str) -> None:
    losses = [event.loss for event in program.minimized]
    ours = tables.parameters(program, losses[-1]) if losses else None
    if not isinstance(ours, int):
        compared.unknown.append(f"parameters of\n{text}")
    elif ours != real:
        compared.different.append(f"{ours} parameters are {real}:\n{text}")
    else:
        compared.same += 1
