"""Which inputs are unknown, and what a comment about them would be."""

from __future__ import annotations

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.fixes.statements_of_fact import unknown_inputs
from trainlint.project import Project
from trainlint.report.statement_hint import statement_entry, statement_hint

MODEL = (
    "model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation='softmax')])\n"
    "model.compile('adam', loss='sparse_categorical_crossentropy')\n"
)
START = "import numpy as np\nfrom tensorflow import keras\n"


def analysed(text, tmp_path):
    return analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())


def inserted(text, tmp_path):
    """The text with the comments about all unknown inputs, and what is unknown then."""
    edits = sorted((each.edit for each in unknown_inputs(analysed(text, tmp_path))), key=lambda edit: -edit.start)
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text, [each.name for each in unknown_inputs(analysed(text, tmp_path))]


def test_inputs_come_before_labels(tmp_path):
    """What most depends on comes first; what the program says of an input is filled in."""
    text = START + "x = np.load('x.npy')\ny = np.load('y.npy')\n" + MODEL + "model.fit(x, y)\n"

    found = [(each.name, each.comment, each.models) for each in unknown_inputs(analysed(text, tmp_path))]

    assert [
        ("x", "# trainlint: x float32[n, 784] in [0, 1]", 1),
        ("y", "# trainlint: y int64[n] in {0..9}", 1),
    ] == found


def test_comment_is_inserted_where_it_counts(tmp_path):
    """The comment stands behind a short statement, above a long one, and afterwards nothing is unknown."""
    text = (
        START + "def load():\n"
        "    pixels = np.load(\n"
        "        'x.npy'\n"
        "    )\n"
        "    return pixels\n"
        "x = load()\n"
        "y = np.load('y.npy')  # from a camera\n" + MODEL + "model.fit(x, y)\n"
    )

    changed, unknown = inserted(text, tmp_path)

    assert [] == unknown
    assert "x = load()  # trainlint: x float32[n, 784] in [0, 1]\n" in changed
    assert "\n# trainlint: y int64[n] in {0..9}\ny = np.load('y.npy')  # from a camera\n" in changed


def test_origin_is_found_through_calculations(tmp_path):
    """The array that was read is named where the fed value is a part of it."""
    text = START + "pixels = np.load('x.npy')\n" + MODEL + "model.fit(pixels / 255.0, np.load('y.npy'))\n"

    assert ["pixels"] == [each.name for each in unknown_inputs(analysed(text, tmp_path))]


def test_known_data_need_no_statement(tmp_path):
    """Nothing is asked for where all is known, stated, or nothing is trained."""
    known = START + MODEL + "model.fit(np.random.rand(100, 784), np.random.randint(0, 10, size=100))\n"
    stated = START + "x = np.load('x.npy')  # trainlint: x float32[n, 784] in [0, 1]\n" + MODEL + "model.predict(x)\n"
    no_model = "import numpy as np\nimport tensorflow as tf\nx = np.load('x.npy')\nprint(tf.reduce_mean(x))\n"

    for text in (known, stated, no_model):
        analysis = analysed(text, tmp_path)
        assert None is statement_entry(analysis, str)


def test_one_statement_is_asked_for(tmp_path):
    """Of several files the input counts that most depends on."""
    text = START + "x = np.load('x.npy')\n" + MODEL + "model.fit(x, np.load('y.npy'))\n"
    entry = statement_entry(analysed(text, tmp_path), lambda path: "train.py")
    less = {**entry, "name": "z", "weight": 1, "file": "other.py"}

    hint = statement_hint([{"statement": less}, {"statement": entry}, {"statement": None}], 3)

    assert (
        "1 model is not judged in full: state what `x` is, for example with "
        "`# trainlint: x float32[n, 784] in [0, 1]` on line 3 of train.py."
    ) == hint
    assert None is statement_hint([{"statement": None}], 1)
