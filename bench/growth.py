"""How the cost of a check grows: with the lines of a file, and with the files of a project.

    python -m bench.growth [FOLDERS]

Ten times as much may cost twelve times the CPU time; what costs more is marked. Of folders, each a project, it fits how
the cost of their TensorFlow files grows with their lines: a power, which is a line where both are logarithms.
"""

from __future__ import annotations

import gc
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import linear_regression, median

from bench.startup import program
from trainlint import stacks
from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project
from trainlint.project.roots import RootFinder
from trainlint.source.prefilter import may_concern

MOST = 12.0
TURNS = 3

LEAST_LINES = 300
"""Projects with fewer lines of TensorFlow code cost hardly more than looking at them."""


def statements(times: int) -> str:
    """One program after the other in a module, each with names of its own."""
    one = (
        "inputs_{n} = keras.Input((20,))\n"
        "hidden_{n} = keras.layers.Dense(64, activation='relu')(inputs_{n})\n"
        "model_{n} = keras.Model(inputs_{n}, keras.layers.Dense(5, activation='softmax')(hidden_{n}))\n"
        "model_{n}.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "model_{n}.fit(features, labels, epochs=5)\n"
    )
    head = (
        "import numpy as np\nfrom tensorflow import keras\n"
        "features = np.random.rand(1000, 20)\nlabels = np.random.randint(0, 5, 1000)\n"
    )
    return head + "".join(one.replace("{n}", str(number)) for number in range(times))


def table_of_data(times: int) -> str:
    """A file that is mostly one list of numbers."""
    rows = "".join(f"    [{number}, {number * 2}, 0.5],\n" for number in range(times * 20))
    return f"import tensorflow as tf\nTABLE = [\n{rows}]\nx = tf.constant(TABLE)\n"


def branches(times: int) -> str:
    """A function that is one chain of `elif` on something unknown."""
    tests = "".join(
        f"    elif kind == {number}:\n        return tf.nn.relu(x + {number})\n" for number in range(4 * times)
    )
    return f"import tensorflow as tf\ndef layer(kind, x):\n    if kind is None:\n        return x\n{tests}"


def experiments(times: int) -> str:
    """A loop that makes and trains a network for each of many data sets, if it is there."""
    names = "".join(f"    ('set{number}', {number}),\n" for number in range(times))
    block = "x = layers.Activation('relu')(layers.BatchNormalization()(layers.Conv1D(64, 3)(x)))"
    return (
        "import os\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\n"
        f"def network(length):\n    x = inputs = keras.Input((length, 1))\n{f'    {block}{chr(10)}' * 6}"
        "    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))\n"
        f"SETS = [\n{names}]\n"
        "for name, number in SETS:\n    if os.path.exists(name):\n"
        "        model = network(100 + number)\n        model.compile('adam', 'mse')\n        model.fit(*load(name))\n"
    )


def chain(folder: Path, count: int) -> list[Path]:
    """So many modules of a package, each of which uses the one before."""
    folder.mkdir()
    (folder / "setup.py").touch()
    (folder / "net").mkdir()
    (folder / "net" / "__init__.py").touch()
    files = []
    for number in range(count):
        before = f"from net.part{number - 1} import units\nunits = units + 0\n" if number else "units = 8\n"
        file = folder / "net" / f"part{number}.py"
        file.write_text(
            f"from tensorflow import keras\n{before}\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(units), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
        )
        files.append(file)
    return files


def star(folder: Path, count: int) -> list[Path]:
    """So many programs that use one module."""
    files = chain(folder, 1)
    for number in range(count):
        file = folder / f"train{number}.py"
        file.write_text(
            "from tensorflow import keras\nfrom net.part0 import units, model\n"
            f"model.fit(keras.utils.random_{number}(), epochs={number + 1})\n"
        )
        files.append(file)
    return files


def seconds_of_text(text: str) -> float:
    """CPU seconds of a fresh analysis."""
    start = time.thread_time()
    analyse(text.encode(), "/project/train.py", Project("/project", {}), Config(), editing=False).let_go()
    return time.thread_time() - start


def seconds_of_files(files: list[Path]) -> float:
    """CPU seconds of fresh analyses of all files of one project."""
    start = time.thread_time()
    project = Project(files[0].parents[1])
    for file in files:
        analyse(file.read_bytes(), str(file), project, Config(), editing=False).let_go()
    return time.thread_time() - start


def cost_of_project(folder: Path) -> tuple[int, float]:
    """The lines of the TensorFlow files below a folder, and the CPU seconds of a fresh analysis of each."""
    roots, projects = RootFinder(), {}
    lines, seconds = 0, 0.0
    for file in sorted(folder.rglob("*.py")):
        data = file.read_bytes() if file.is_file() else b""
        if not may_concern(data):
            continue
        root = str(roots(str(file)))
        project = projects.setdefault(root, Project(root))
        start = time.thread_time()
        analysis = analyse(data, str(file), project, Config(), editing=False)
        analysis.let_go()
        if analysis.interpretation is not None:
            seconds += time.thread_time() - start
            lines += data.count(b"\n")
    return lines, seconds


def grown_projects(folders: list[Path]) -> None:
    costs = [cost for folder in folders if (cost := cost_of_project(folder))[0] >= LEAST_LINES]
    if len(costs) < 3:
        print(f"  fewer than three folders with {LEAST_LINES} lines of TensorFlow code")
        return
    lines, seconds = ([math.log10(each[i]) for each in costs] for i in (0, 1))
    power, _ = linear_regression(lines, seconds)
    sizes = sorted(each[0] for each in costs)
    name = f"{len(costs)} projects of {sizes[0]:,} to {sizes[-1]:,} lines"
    print(f"  {name}: ten times the lines cost x{10**power:.1f}{'  MORE THAN ASKED' if 10**power > MOST else ''}")


def grown(name: str, small: float, large: float, times: float) -> None:
    ratio = large / small
    mark = "" if ratio <= MOST * times / 10 else "  MORE THAN ASKED"
    print(
        f"  {name:<42} {small * 1000:8.0f} ms {large * 1000:8.0f} ms   x{times:.1f} costs x{ratio:.1f}{mark}",
        flush=True,
    )


def body() -> None:
    gc.set_threshold(500_000)
    print("Growth (CPU time of a fresh analysis, median), ten times as much")
    texts = {
        "functions that build models": lambda size: program(size * 40),
        "models in the body of a module": statements,
        "rows of data": table_of_data,
        "branches of one function": branches,
        "data sets of one loop": experiments,
    }
    for name, make in texts.items():
        small, large = make(10), make(100)
        seconds_of_text(small)
        a = median(seconds_of_text(small) for _ in range(TURNS))
        b = median(seconds_of_text(large) for _ in range(TURNS))
        grown(f"{name}, {small.count(chr(10))} lines", a, b, large.count("\n") / small.count("\n"))
    with tempfile.TemporaryDirectory() as folder:
        for name, project, count in (
            ("programs that use one module", star, 10),
            ("modules that use each other", chain, 10),
            ("modules that use each other", chain, 100),
        ):
            few = project(Path(folder) / f"{name} {count}", count)
            many = project(Path(folder) / f"{name} {count} times ten", count * 10)
            seconds_of_files(few)
            turns = TURNS if count == 10 else 1
            a = median(seconds_of_files(few) for _ in range(turns))
            b = median(seconds_of_files(many) for _ in range(turns))
            grown(f"{name}, {len(few)} files", a, b, len(many) / len(few))

    if sys.argv[1:]:
        grown_projects([Path(folder) for folder in sys.argv[1:]])


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f}")
    stacks.call(body)


if __name__ == "__main__":
    main()
