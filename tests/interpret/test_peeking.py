"""Programs whose small data files may be read."""

from __future__ import annotations

import struct

import pytest
from tests.project.test_peeks import archive, npy

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.dims import show
from trainlint.project import Project

START = "import numpy as np\nimport pandas as pd\nimport tensorflow as tf\n"


@pytest.fixture
def folder(tmp_path):
    """A project with data files."""
    (tmp_path / "pyproject.toml").write_text("")
    pixels = npy("|u1", (3, 2), bytes((0, 255, 10, 10, 20, 30)))
    (tmp_path / "x.npy").write_bytes(pixels)
    classes = npy("<i8", (3,), struct.pack("<3q", 0, 2, 1))
    (tmp_path / "both.npz").write_bytes(archive({"x.npy": pixels, "y.npy": classes}))
    (tmp_path / "houses.csv").write_text("rooms,town,price\n3,north,200.5\n5,south,300\n")
    (tmp_path / "numbers.txt").write_text("# numbers\n1 2 3\n4 5 6\n")
    (tmp_path / "bad.npy").write_bytes(npy("|O", (1,), b"cos\nsystem\n"))
    return tmp_path


def known(text, folder, peek=True, previous=None):
    """The variable x at the end of a program, and the analysis."""
    path = str(folder / "train.py")
    analysis = analyse((START + text).encode(), path, Project(folder), Config(peek=peek), previous)
    machine = analysis.interpretation.machine
    found = machine.resolve(machine.values[machine.frame if machine.frame else None, "x"])
    shape = show(found.shape) if hasattr(found, "shape") else None
    return (shape, getattr(found, "low", None), getattr(found, "high", None)), analysis


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = np.load('x.npy')", ("[3, 2]", 0, 255)),
        ("x = np.load('both.npz')['y']", ("[3]", 0, 2)),
        ("x = np.loadtxt('numbers.txt')", ("[2, 3]", 1, 6)),
        ("x = np.loadtxt('numbers.txt', skiprows=2)", ("[3]", 4, 6)),
        ("x = pd.read_csv('houses.csv')", (None, None, None)),
        ("x = pd.read_csv('houses.csv').values", ("[2, 3]", None, None)),
        ("x = pd.read_csv('houses.csv')['price']", ("[2]", 200.5, 300)),
        ("x = pd.read_csv('houses.csv')[['rooms', 'price']].shape[1] * np.ones(2)", ("[2]", 2, 2)),
        ("x = pd.read_csv('houses.csv', usecols=['rooms']).values", ("[2, 1]", 3, 5)),
        ("x = pd.read_csv('houses.csv', header=None).values", ("[3, 3]", None, None)),
        ("x = pd.read_csv('houses.csv', skiprows=1).values", ("[rows, columns]", None, None)),
        ("x = pd.read_csv('no.csv').values", ("[rows, columns]", None, None)),
        ("x = np.load('bad.npy')", (None, None, None)),
        ("import sys\nx = np.load(sys.argv[1])", (None, None, None)),
    ],
)
def test_data_of_files(text, expected, folder):
    """A constant path names a file, whose shape and range are known; what cannot be read stays unknown."""
    assert expected == known(text, folder)[0]


def test_nothing_is_read_unless_it_is_asked_for(folder):
    """Files stay closed by default."""
    project = Project(folder)
    analyse((START + "x = np.load('x.npy')").encode(), str(folder / "train.py"), project, Config())

    assert str(folder / "x.npy") not in project.asked
    assert (None, None, None) == known("x = np.load('x.npy')", folder, peek=False)[0]


def test_changed_file_changes_what_is_remembered(folder):
    """An analysis that goes on from an earlier one sees the file as it is now."""
    first, analysis = known("x = np.load('x.npy')\ny = 1\n", folder)
    (folder / "x.npy").write_bytes(npy("|u1", (4,), bytes(4)))
    second, analysis = known("x = np.load('x.npy')\ny = 2\n", folder, previous=analysis)

    assert ("[3, 2]", 0, 255) == first
    assert ("[4]", 0, 0) == second
    assert (None, None, None) == known("x = np.load('x.npy')\ny = 2\n", folder, peek=False, previous=analysis)[0]


def test_rules_use_what_files_hold(folder):
    """Pixels of a file are seen to be unscaled."""
    text = (
        "data = np.load('both.npz')\n"
        "model = tf.keras.Sequential([tf.keras.layers.Dense(8, 'relu'), tf.keras.layers.Dense(3, 'softmax')])\n"
        "model.compile('adam', 'categorical_crossentropy')\n"
        "model.fit(data['x'], data['y'])\n"
        "x = 1\n"
    )

    assert ["label-encoding-mismatch", "unscaled-inputs"] == [f.rule for f in known(text, folder)[1].findings]
