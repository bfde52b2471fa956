"""`%trainlint` in a real kernel, and what of a session counts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainlint.cli.session import Refused
from trainlint.magic.findings import NAME, check, options
from trainlint.magic.history import History

SERVER = Path(__file__).parents[2] / "server"

DATA = """\
import numpy as np
import tensorflow as tf
x = np.random.uniform(0, 1, size=(100, 3))
y = (x.mean(axis=1) < .5).astype("float32")
"""

MODEL = """\
model = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu"), tf.keras.layers.Dense(1)])
model.compile("adam", loss="binary_crossentropy")
model.fit(x, y)
"""


def history(*runs):
    """A session: the text of a cell, or (text, its identity in the editor)."""
    made = History([""])
    for number, run in enumerate(runs, 1):
        text, cell = run if isinstance(run, tuple) else (run, None)
        made.started(number, SimpleNamespace(raw_cell=text, cell_id=cell, store_history=True))
        made.ended(SimpleNamespace(error_before_exec=None))
    return made


def sources(made):
    """The numbers and texts of the cells that count."""
    cells = json.loads(made.notebook())["cells"]
    return {number: each["source"] for number, each in enumerate(cells, 1) if each["cell_type"] == "code"}


def test_cells_have_the_numbers_that_they_ran_as():
    """The third cell of the notebook is the one with In [3] beside it."""
    assert {1: "a", 2: "b", 3: "c"} == sources(history("a", "b", "c"))


def test_a_cell_that_ran_again_counts_as_it_is_now():
    """What somebody repaired is repaired; the same text twice is one cell."""
    assert {2: "b", 3: "repaired"} == sources(history(("wrong", "x"), ("b", "y"), ("repaired", "x")))
    assert {2: "b", 3: "a"} == sources(history("a", "b", "a"))


def test_what_could_not_begin_was_not_run():
    """A cell with an error in its syntax changed nothing."""
    made = history("a")
    made.started(2, SimpleNamespace(raw_cell="b b", cell_id=None, store_history=True))
    made.ended(SimpleNamespace(error_before_exec=SyntaxError()))
    made.started(3, SimpleNamespace(raw_cell="silent", cell_id=None, store_history=False))

    assert {1: "a"} == sources(made)


def test_what_ran_before_the_extension_was_loaded():
    """The history of the session counts from its beginning."""
    assert {1: "a", 2: "%load_ext trainlint"} == sources(History(["", "a", "%load_ext trainlint"]))
    assert {} == sources(History([""]))


def test_findings_are_html_and_text():
    """The findings say the cell and the line; the piece of a page styles nothing but itself."""
    found = check(history(DATA, MODEL).notebook())
    html = found._repr_html_()

    assert "cell 2:2:28  error  logits-into-probability-loss (TL301)" in repr(found)
    assert NAME not in repr(found)
    assert "Found 1 error in the cells that were run." in html
    assert "cell 2, line 2, column 28" in html
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert all(".trainlint" in rule.rpartition("}")[2] for rule in style.split("{")[:-1])


def test_options():
    """Rules are chosen as on the command line, and what is wrong is said in a line."""
    assert {"select": ("shape", "loss"), "ignore": (), "peek": True} == options(["--select", "shape,loss", "--peek"])
    for words in (["--nothing"], ["more"]):
        with pytest.raises(Refused):
            options(words)
    with pytest.raises(Refused, match="there is no rule 'los'"):
        check(history(DATA).notebook(), select=("los",))


class Kernel:
    """A real kernel, spoken to as a front end does."""

    def __init__(self, folder):
        manager = pytest.importorskip("jupyter_client.manager")
        pytest.importorskip("ipykernel")
        environment = {**os.environ, "PYTHONPATH": str(SERVER)}
        self.manager, self.client = manager.start_new_kernel(cwd=str(folder), env=environment)

    def run(self, text, **metadata):
        """What a cell shows: a dictionary of forms, or the text of an error."""
        shown = {}

        def listen(message):
            content = message["content"]
            if message["msg_type"] in ("display_data", "execute_result"):
                shown.update(content["data"])
            elif message["msg_type"] == "error":
                shown["error"] = f"{content['ename']}: {content['evalue']}"
            elif message["msg_type"] == "stream" and content["name"] == "stderr":
                shown["error"] = shown.get("error", "") + content["text"]

        message = self.client.session.msg("execute_request", {"code": text, "silent": False, "store_history": True})
        message["metadata"] = metadata
        self.client.shell_channel.send(message)
        while True:
            found = self.client.get_iopub_msg(timeout=60)
            if found["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                listen(found)
                if found["msg_type"] == "status" and found["content"]["execution_state"] == "idle":
                    return shown

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path):
    """A kernel in an empty folder, without TensorFlow: the cells fail, and are checked all the same."""
    made = Kernel(tmp_path)
    yield made
    made.close()


@pytest.mark.filterwarnings("default")
def test_in_a_kernel(kernel):
    """The magic finds the mistake of a cell, follows its repair, and is gone when the extension is."""
    kernel.run(DATA, cellId="a")
    assert {} == kernel.run("%load_ext trainlint")
    kernel.run(MODEL, cellId="b")
    wrong = kernel.run("%trainlint")
    kernel.run(MODEL.replace("Dense(1)", 'Dense(1, activation="sigmoid")'), cellId="b")
    right = kernel.run("%trainlint")

    assert "logits-into-probability-loss" in wrong["text/html"]
    assert "cell 3, line 2" in wrong["text/html"]
    assert "logits-into-probability-loss (TL301)" in wrong["text/plain"]
    assert "No mistakes found in the cells that were run." in right["text/html"]
    assert "UsageError: %trainlint: there is no rule 'los'" in kernel.run("%trainlint --select los")["error"]
    kernel.run("%unload_ext trainlint")
    assert "not found" in kernel.run("%trainlint")["error"]
