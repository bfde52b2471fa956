"""Which versions a notebook's last run shows."""

from __future__ import annotations

import json

import pytest

from trainlint.source.notebook import read_notebook


def cell(source: str, *outputs: str, shown: str = "") -> dict[str, object]:
    """A cell with what it printed, and the value of its last line."""
    found: list[dict[str, object]] = [{"output_type": "stream", "name": "stderr", "text": [text]} for text in outputs]
    if shown:
        found.append({"output_type": "execute_result", "data": {"text/plain": [shown]}})
    return {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": found}


def pins(*cells: dict[str, object], python: str = "", **metadata: object) -> dict[str, str]:
    language = {"name": "python", **({"version": python} if python else {})}
    notebook = {"cells": list(cells), "metadata": {"language_info": language, **metadata}, "nbformat": 4}
    return dict(read_notebook(json.dumps(notebook).encode()).ran_with)


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("2.7.12", {"tensorflow": "<2.2"}),
        ("3.4.3", {"tensorflow": "<1.15"}),
        ("3.6.9", {"tensorflow": "<2.7"}),
        ("3.7.10", {"tensorflow": "<2.12"}),
        ("3.10.4", {}),
        ("", {}),
        ("three", {}),
    ],
)
def test_python_of_the_kernel(python, expected):
    assert pins(cell("import keras"), python=python) == expected


def test_backend():
    said = cell("import keras", "Using TensorFlow backend.\n")
    assert pins(said) == {"keras": "<2.4"}
    assert pins(said, python="3.6.2") == {"keras": "<2.4", "tensorflow": "<2.7"}
    assert pins(cell("print('Using TensorFlow backend.')", "so: Using TensorFlow backend. Yes\n")) == {}
    assert pins({"cell_type": "markdown", "source": ["Using TensorFlow backend."]}) == {}


def test_python_in_the_path_of_a_warning():
    warned = cell("fit()", "/usr/local/lib/python3.6/dist-packages/tensorflow/python/keras/engine.py:3: W\n")
    assert pins(warned) == {"tensorflow": "<2.7"}
    assert pins(warned, python="3.11.2") == {}
    assert pins(cell("show()", "/usr/lib/python3.6/dist-packages/matplotlib/axes.py:3: W\n")) == {}


@pytest.mark.parametrize(
    ("source", "shown", "expected"),
    [
        ("tf.__version__", "'2.3.0'", {"tensorflow": "==2.3.0"}),
        ("tf.VERSION", "'1.4.1'", {"tensorflow": "==1.4.1"}),
        ("print(tf.version.VERSION)", "2.0.0-beta1", {"tensorflow": "==2.0.0"}),
        ("print(tf.keras.__version__)", "2.2.4-tf", {}),
        ("print('Keras', keras.__version__)", "Keras 2.0.9", {"keras": "==2.0.9"}),
        (
            "for m in (np, tf):\n    print(m)\nprint(np.__version__, tf.__version__)",
            "numpy 1.16.4, TensorFlow v1.14.0",
            {"tensorflow": "==1.14.0"},
        ),
        ("print(sys.version, tf.__version__)", "3.6.8 (default) [GCC 8.0.1] 2.1.0", {}),
        (
            "for m in np, tf, keras:\n    print(m.__name__, m.__version__)",
            "numpy 1.16.4\ntensorflow 2.0.0-alpha0\ntensorflow.python.keras.api._v2.keras 2.2.4-tf",
            {"tensorflow": "==2.0.0"},
        ),
        ("train()", "tensorflow 2.0 is installed", {}),
        ("train()", r"C:\envs\site-packages\tensorflow_core\python\x.py:12: Warning", {"tensorflow": "<2.2"}),
        ("print(tf.__version__)", "", {}),
        ("print(2.5)", "2.5", {}),
    ],
)
def test_printed_versions(source, shown, expected):
    assert pins(cell(source, shown=shown)) == expected


def test_object_of_keras_inside_tensorflow():
    shown = cell("model.fit(x, y)", shown="<tensorflow.python.keras.callbacks.History at 0x7f0a>")
    assert pins(shown) == {"tensorflow": "<2.6"}
    assert pins(shown, python="3.6.9") == {"tensorflow": "<2.6"}


def test_printed_version_says_more_than_the_kernel():
    assert pins(cell("tf.__version__", "2.1.0\n"), python="3.6.2") == {"tensorflow": "==2.1.0"}


def test_notebook_of_the_third_format():
    shown = {"cell_type": "code", "input": ["keras.__version__"], "outputs": [{"text": ["'1.0.4'"]}]}
    data = json.dumps({"worksheets": [{"cells": [shown]}], "nbformat": 3}).encode()
    assert read_notebook(data).ran_with == (("keras", "==1.0.4"),)


def test_open_notebook_brings_what_its_file_showed():
    assert pins(cell("import keras"), trainlint={"ran_with": {"keras": "<2.4"}}) == {"keras": "<2.4"}


@pytest.mark.parametrize(
    "odd",
    [
        {"cells": [{"cell_type": "code", "source": "tf.__version__", "outputs": "none"}]},
        {"cells": [{"cell_type": "code", "source": 3, "outputs": [{"text": [3]}, 4, {"data": []}]}, 5]},
        {"cells": [], "metadata": {"language_info": {"version": 3.6}, "trainlint": {"ran_with": [1]}}},
        {"cells": [], "metadata": {"language_info": [], "trainlint": 3}},
    ],
)
def test_odd_notebooks(odd):
    found = read_notebook(json.dumps(odd).encode()).ran_with
    assert found == ((("tensorflow", "<2.7"),) if "3.6" in str(odd) else ())
