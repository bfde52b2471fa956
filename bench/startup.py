"""Cold starts: whole processes, as shares of `python -c "import libcst"` in the same run."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.speed import environment

ROUNDS = 7

TEMPLATE = '''"""A classifier on rows of numbers."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

features = np.random.normal(size=(1000, 20)).astype("float32")
labels = np.random.randint(0, 5, size=1000)
'''


def program(lines: int = 200) -> str:
    """A TensorFlow program of about this many lines: models built in functions, trained and asked."""
    pieces = [TEMPLATE]
    index = 0
    while sum(piece.count("\n") for piece in pieces) < lines - 20:
        pieces.append(f"""

def build_{index}(width, depth=3, rate=0.2):
    \"\"\"A stack of dense layers.\"\"\"
    inputs = keras.Input(shape=(20,))
    hidden = inputs
    for number in range(depth):
        hidden = layers.Dense(width, activation="relu", name=f"hidden_{{number}}")(hidden)
        hidden = layers.Dropout(rate)(hidden)
    scores = layers.Dense(5)(hidden)
    model = keras.Model(inputs, scores)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


model_{index} = build_{index}({32 * (index + 1)})
model_{index}.fit(features, labels, epochs=3, batch_size=32)
answers_{index} = np.argmax(model_{index}.predict(features), axis=1)
""")
        index += 1
    return "".join(pieces)


def cpu(command: list[str], folder: Path) -> float:
    """CPU seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        env=environment(),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(folder: Path) -> list[tuple[str, float]]:
    """(what, median CPU seconds), the base first; the commands take turns."""
    (folder / "train.py").write_text(program(), encoding="utf-8")
    (folder / "plain.py").write_text("import os\n\nprint(os.getcwd())\n", encoding="utf-8")
    trainlint = [sys.executable, "-m", "trainlint"]
    commands = {
        'python -c "import libcst"': [sys.executable, "-c", "import libcst"],
        "trainlint check, one TensorFlow file of 200 lines": [*trainlint, "check", "--no-cache", "train.py"],
        "trainlint check, one file without TensorFlow": [*trainlint, "check", "--no-cache", "plain.py"],
        "trainlint --help": [*trainlint, "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS + 1):
        for name, command in commands.items():
            times[name].append(cpu(command, folder))
    return [(name, median(values[1:])) for name, values in times.items()]
