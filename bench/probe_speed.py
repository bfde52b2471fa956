"""`python -m bench.probe_speed --python PATH`: how long a probe of one finding takes, beside plain `fit` calls.

A network of two layers of 64 units, 20 features and 5 classes: two arms, five seeds, 200 steps, one task.
The measure to
compare with is what somebody would do by hand: ten fresh Keras models, 200 steps of `fit` each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from bench.probe_specs import dense, experiment
from trainlint.probe.client import Limits, Worker

PLAIN = """
import os, time
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
import numpy as np
from tensorflow import keras
began = time.perf_counter()
rng = np.random.default_rng(0)
x, y = rng.normal(size=(25600, 20)).astype("float32"), rng.integers(0, 5, 25600)
for _ in range(10):
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu"),
                              keras.layers.Dense(5)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=128, epochs=1, verbose=0)
print(time.perf_counter() - began)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter with TensorFlow")
    options = parser.parse_args()
    limits = Limits(seconds=600.0)
    written, repaired = dense(initial="std 1"), dense()
    other = dense(activation="sigmoid")
    with Worker(options.python) as worker:
        began = time.perf_counter()
        worker.run(experiment({"as written": written, "all repaired": repaired}, tasks=("teacher",)), limits=limits)
        cold = time.perf_counter() - began
        began = time.perf_counter()
        worker.run(
            experiment({"as written": other, "all repaired": dense(width=60)}, tasks=("teacher",)), limits=limits
        )
        traced = time.perf_counter() - began
        began = time.perf_counter()
        worker.run(
            experiment({"as written": written, "all repaired": repaired}, tasks=("teacher",), first_seed=50),
            limits=limits,
        )
        warm = time.perf_counter() - began
    began = time.perf_counter()
    subprocess.run([options.python, "-c", "import tensorflow"], check=True, capture_output=True)
    imported = time.perf_counter() - began
    plain = float(subprocess.run([options.python, "-c", PLAIN], check=True, capture_output=True, text=True).stdout)
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'':44} seconds  of ten fits")
    for name, seconds in (
        ("ten models, 200 steps of fit each", plain),
        ("cold: start, import and probe", cold),
        ("import of the backend alone", imported),
        ("warm, both networks traced anew", traced),
        ("warm, networks of a known structure", warm),
    ):
        print(f"{name:44} {seconds:7.2f} {seconds / plain:10.2f}")
    print(f"cold over the import: {cold - imported:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
