"""How large the state of a recurrent layer starts, against cells that are run."""

from __future__ import annotations

import math
import random

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.recurrence import state_rms
from trainlint.project import Project

INPUTS, UNITS, STEPS, SAMPLES = 12, 24, 16, 12


def operation_of(cell: str, folder):
    """The recurrent operation of a program of TensorFlow 1 that runs a cell."""
    source = (
        "import tensorflow as tf\n"
        f"x = tf.placeholder(tf.float32, [None, {STEPS}, {INPUTS}])\n"
        f"outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.{cell}({UNITS}), x, dtype=tf.float32)\n"
    )
    analysis = analyse(source.encode(), str(folder / "train.py"), Project(folder), Config())
    return next(analysis.programs[0].of_kind("recurrent"))


def matrix(rows: int, columns: int, draw: random.Random) -> list[list[float]]:
    """Glorot's uniform weights, stored by column."""
    bound = math.sqrt(6 / (rows + columns))
    return [[draw.uniform(-bound, bound) for _ in range(rows)] for _ in range(columns)]


def product(values: list[float], weights: list[list[float]]) -> list[float]:
    return [sum(a * b for a, b in zip(values, column)) for column in weights]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def lstm(inputs, draw):
    """The last state of an LSTM as TensorFlow 1 makes it: one kernel for all gates, a forget bias of 1."""
    kernel = matrix(INPUTS + UNITS, 4 * UNITS, draw)
    state, memory = [0.0] * UNITS, [0.0] * UNITS
    for x in inputs:
        z = product([*x, *state], kernel)
        i, j, f, o = (z[k * UNITS : (k + 1) * UNITS] for k in range(4))
        memory = [c * sigmoid(b + 1) + sigmoid(a) * math.tanh(g) for c, b, a, g in zip(memory, f, i, j)]
        state = [sigmoid(a) * math.tanh(c) for a, c in zip(o, memory)]
    return state


def gru(inputs, draw):
    """The last state of a GRU as TensorFlow 1 makes it: gates with a bias of 1."""
    gates, candidate = matrix(INPUTS + UNITS, 2 * UNITS, draw), matrix(INPUTS + UNITS, UNITS, draw)
    state = [0.0] * UNITS
    for x in inputs:
        z = [sigmoid(value + 1) for value in product([*x, *state], gates)]
        reset, update = z[:UNITS], z[UNITS:]
        new = product([*x, *(r * h for r, h in zip(reset, state))], candidate)
        state = [u * h + (1 - u) * math.tanh(c) for u, h, c in zip(update, state, new)]
    return state


def simple(inputs, draw):
    """The last state of a plain cell with tanh."""
    kernel = matrix(INPUTS + UNITS, UNITS, draw)
    state = [0.0] * UNITS
    for x in inputs:
        state = [math.tanh(value) for value in product([*x, *state], kernel)]
    return state


@pytest.mark.parametrize("size", [0.3, 1.0, 4.0])
@pytest.mark.parametrize(("cell", "run"), [("BasicLSTMCell", lstm), ("GRUCell", gru), ("BasicRNNCell", simple)])
def test_state_is_as_large_as_that_of_a_cell_that_runs(cell, run, size, tmp_path):
    """Within a factor of two, from small inputs to large ones."""
    draw = random.Random(3)
    states = [
        run([[draw.gauss(0, size) for _ in range(INPUTS)] for _ in range(STEPS)], draw) for _ in range(SAMPLES)
    ]  # fmt: skip
    measured = math.sqrt(sum(h * h for state in states for h in state) / (SAMPLES * UNITS))

    assert 0.5 < state_rms(operation_of(cell, tmp_path), size) / measured < 2


def test_pictures_row_by_row_start_an_lstm_far_below_one(tmp_path):
    """28 inputs of rms .33 into 128 units: runs of such programs had states of .03 to .05."""
    source = (
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 28, 28])\n"
        "outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(128), x, dtype=tf.float32)\n"
    )
    analysis = analyse(source.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    operation = next(analysis.programs[0].of_kind("recurrent"))

    assert 0.03 < state_rms(operation, 0.33) < 0.05


def test_unknown_inputs_and_other_functions_are_told_apart(tmp_path):
    """Without a known input there is no size; the number of inputs may be unknown."""
    operation = operation_of("BasicLSTMCell", tmp_path)

    assert state_rms(operation, None) is None
    assert state_rms(operation.replace(output=operation.output.replace(rms=None)), 1.0) is None
