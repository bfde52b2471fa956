"""Analyses of notebooks that write modules and install versions."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from bench.edits import edits

from edited import cell_sources, notebook
from trainlint.analysis import Analysis, analyse
from trainlint.config import Config
from trainlint.project import Project

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "notebooks"

MODEL = """%%writefile net.py
import tensorflow as tf

def build():
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Dense(1, activation="softmax", input_shape=(4,)))
    model.compile("adam", "binary_crossentropy")
    return model
"""
USE = "import numpy as np\nfrom net import build\nbuild().fit(np.random.rand(50, 4), np.random.randint(0, 2, (50, 1)))"


def analysed(folder: Path, *cells: str, previous: Analysis | None = None, name: str = "a.ipynb") -> Analysis:
    """The analysis of a notebook of these cells."""
    return analyse(notebook(*cells), str(folder / name), Project(folder), Config(), previous)


def found(analysis: Analysis) -> list[tuple[str, str, int | None, int]]:
    """Rule, file, cell and line of each finding."""
    places = [(finding.rule, analysis.location(finding.place)) for finding in analysis.findings]
    return [(rule, Path(at.file).name, at.cell, at.line) for rule, at in places]


def told(analysis: Analysis) -> Any:
    """Everything that an analysis says."""
    findings = [(f.rule, f.severity, f.message, f.world, f.fingerprint) for f in analysis.findings]
    places = [analysis.location(f.place) for f in analysis.findings]
    lines = [analysis.line_text(place) for place in places]
    models = [(m.understood, m.missing, analysis.location(m.place)) for m in analysis.models]
    return findings, places, lines, models, [(n.kind, n.line, n.message) for n in analysis.notices]


def test_written_module_is_imported(tmp_path):
    """What a cell writes is what a later cell imports, and a mistake in it is reported in the cell; no file is made."""
    analysis = analysed(tmp_path, MODEL, USE)
    [finding] = analysis.findings

    assert [("single-unit-softmax", "a.ipynb", 0, 6)] == found(analysis)
    assert MODEL.splitlines()[5] == analysis.line_text(analysis.location(finding.place))
    assert [] == list(tmp_path.iterdir())


def test_script_is_a_program(tmp_path):
    """A file that no cell imports is a program of its own, also when another such file imports it; found once."""
    script = "%%writefile train.py\n" + USE

    assert [("single-unit-softmax", "a.ipynb", 0, 6)] == found(analysed(tmp_path, MODEL, "!python train.py"))
    assert [("single-unit-softmax", "a.ipynb", 0, 6)] == found(analysed(tmp_path, MODEL, script, "!python train.py"))


def test_other_documents_do_not_see_it(tmp_path):
    """A second notebook of the same project, and one with a cell of another content, see their own."""
    project = Project(tmp_path)
    right = MODEL.replace("softmax", "sigmoid")
    results = [
        found(analyse(notebook(*cells), str(tmp_path / name), project, Config()))
        for name, cells in (("a.ipynb", (MODEL, USE)), ("b.ipynb", (USE,)), ("c.ipynb", (right, USE)))
    ]

    assert [1, 0, 0] == [len(result) for result in results]


def test_it_stands_before_the_file_on_disk(tmp_path):
    """The cell would overwrite the file; for other programs the file counts."""
    (tmp_path / "net.py").write_text("\n".join(MODEL.splitlines()[1:]))

    assert [] == found(analysed(tmp_path, MODEL.replace("softmax", "sigmoid"), USE))
    assert [("single-unit-softmax", "net.py", None, 5)] == found(analysed(tmp_path, USE))
    assert [("single-unit-softmax", "a.ipynb", 0, 6)] == found(analysed(tmp_path, MODEL, USE))


def test_suppressions(tmp_path):
    """A comment in the written file silences as anywhere else."""
    comment = "  # trainlint: ignore[single-unit-softmax] -- it is the story here"
    silenced = MODEL.replace("input_shape=(4,)))", "input_shape=(4,)))" + comment)
    [finding] = analysed(tmp_path, silenced, USE).findings

    assert finding.suppressed is not None


def test_a_fix_of_a_written_file_is_refused(tmp_path):
    """The file lives in a cell: nothing is written, and the reason is told."""
    from trainlint.fixes.apply import repair

    model = MODEL.replace('Dense(1, activation="softmax"', 'Dense(3, activation="softmax"').replace(
        '"binary_crossentropy"', "tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    )
    repaired = repair(analysed(tmp_path, model, USE), Project(tmp_path), Config(), unsafe=True)

    assert () == repaired.changes
    assert ["a cell of the notebook writes the file"] == [left.reason for left in repaired.not_applied]


@pytest.mark.parametrize("name", ["written_files.ipynb", "pinned_version.ipynb"])
def test_editing_equals_a_fresh_analysis(name):
    """After random edits in the cells, broken states included; cells come and go."""
    project, config, path = Project(FIXTURES), Config(), str(FIXTURES / name)
    cells = cell_sources((FIXTURES / name).read_bytes())
    analysis = analyse(notebook(*cells), path, project, config)
    dice = random.Random(name)
    for _ in range(12):
        at = dice.randrange(len(cells))
        kind = dice.choice(("edit", "edit", "edit", "remove", "twice"))
        if kind == "edit" and cells[at].strip():
            cells[at] = next(edits(cells[at], 1, seed=dice.randrange(10**9)))
        elif kind == "remove" and len(cells) > 4:
            del cells[at]
        else:
            cells.insert(at, cells[at])
        analysis = analyse(notebook(*cells), path, project, config, analysis)
        fresh = analyse(notebook(*cells), path, project, config)

        assert told(fresh) == told(analysis)


def test_an_edit_elsewhere_keeps_the_module(tmp_path):
    """The written module is read again only when its cell changed or moved."""
    first = analysed(tmp_path, MODEL, USE)
    same = analysed(tmp_path, MODEL, USE + "\nx = 1", previous=first)
    moved = analysed(tmp_path, "y = 2", MODEL, USE, previous=same)
    [path] = first.siblings

    assert first.siblings[path] is same.siblings[path]
    assert [("single-unit-softmax", "a.ipynb", 1, 6)] == found(moved)
    assert [] == found(analysed(tmp_path, USE, previous=moved))


@pytest.mark.parametrize(
    ("cell", "generation"),
    [
        ("%tensorflow_version 1.x", "1.x"),
        ("!pip install tensorflow==1.15", "1.x"),
        ("if colab:\n    %pip install tensorflow==2.3", "2.0"),
        ("%%bash\napt-get update\npip install tensorflow==1.15", "1.x"),
        ("%%capture\n!pip install tensorflow==1.15", "1.x"),
        ("get_ipython().system('pip install tensorflow==1.15')", "1.x"),
        ("# !pip install tensorflow==1.15", "2.16"),
        ("%%html\npip install tensorflow==1.15", "2.16"),
        ("%%writefile requirements.txt\ntensorflow==2.4.0", "2.16"),
    ],
)
def test_version_of_a_notebook(tmp_path, cell, generation):
    """A notebook is read for the version that it installs, before what the project pins."""
    analysis = analysed(tmp_path, cell, "import tensorflow as tf")

    assert generation == analysis.interpretation.machine.generation
    (tmp_path / "requirements.txt").write_text("tensorflow==2.12")
    expected = "2.11" if generation == "2.16" else generation
    assert expected == analysed(tmp_path, cell, "import tensorflow as tf").interpretation.machine.generation


@pytest.mark.parametrize(
    "line",
    [
        "get_ipython().system('pip install tensorflow==1.15')",
        "get_ipython().run_line_magic('tensorflow_version', '1.x')",
        'get_ipython().magic("tensorflow_version 1.x")',
        "# Commented out IPython magic to ensure Python compatibility.\n# %tensorflow_version 1.x",
        "!pip install tensorflow==1.15",
    ],
)
def test_version_of_an_exported_notebook(tmp_path, line):
    """A script that a notebook was exported to keeps the version, whatever the export made of the command."""
    data = f"{line}\nimport tensorflow as tf\n".encode()
    analysis = analyse(data, str(tmp_path / "a.py"), Project(tmp_path), Config())

    assert "1.x" == analysis.interpretation.machine.generation


def test_any_content_is_read(tmp_path):
    """Files with odd names and contents, or that import the notebook's other files in a circle, lose nothing else."""
    cells = (
        "%%writefile\nx", "%%writefile a.ipynb\nimport tensorflow", "%%writefile \ud800.py\nimport keras, \udfff",
        "%%writefile one.py\nimport two, keras", "%%writefile two.py\nimport one, keras", "import one\none.two",
        "%%writefile broken.py\nimport tensorflow\ndef (", MODEL, USE,
    )  # fmt: skip
    analysis = analysed(tmp_path, *cells)

    assert [("single-unit-softmax", "a.ipynb", 7, 6)] == found(analysis)
    assert json.loads(notebook(*cells))
