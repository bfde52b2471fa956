"""What the commands of a notebook install counts in place of the project's pins."""

from __future__ import annotations

import pytest

from trainlint.project import Pins, Project
from trainlint.project.installs import pins_with

NOTHING = Pins()
PINNED = Pins((("keras", "==2.2.4"), ("numpy", "==1.16"), ("tensorflow", "==1.14.0")))


def installed(*commands: str, pins: Pins = NOTHING, folder="/none", read=None) -> dict[str, str]:
    """The pins after these commands."""
    return dict(pins_with(pins, commands, str(folder), read).items)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("!pip install tensorflow==1.15", {"tensorflow": "==1.15"}),
        ("%pip install -q 'tensorflow>=2.4,<2.11' keras==2.4.3", {"tensorflow": ">=2.4,<2.11", "keras": "==2.4.3"}),
        ("pip install tensorflow==1.15", {"tensorflow": "==1.15"}),
        (
            "!pip3 --quiet install --upgrade tensorflow-gpu==2.0.0-beta1 > /dev/null",
            {"tensorflow-gpu": "==2.0.0-beta1"},
        ),
        ("!{sys.executable} -m pip install tensorflow==2.3 2>&1 | tail -1", {"tensorflow": "==2.3"}),
        ("!apt-get update && pip install x; sudo pip install tensorflow==1.4", {"tensorflow": "==1.4"}),
        ("!pip install \\\n  tensorflow==1.12", {"tensorflow": "==1.12"}),
        ("!pip install \"tensorflow==1.15; python_version<'3.8'\"", {"tensorflow": "==1.15"}),
        ("%conda install -n tensorflow -c keras tensorflow=1.13 -y", {"tensorflow": "==1.13.*"}),
        ("%tensorflow_version 1.x", {"tensorflow": "==1.15.2"}),
        ("tensorflow_version 2.x", {"tensorflow": ">=2,<3"}),
        ("!pip install -U tensorflow", {"tensorflow": ""}),
        ("!pip install tensorflow", {}),
        ("!pip install x  # not tensorflow==1.15", {}),
        ("!pip uninstall -y tensorflow==1.15", {}),
        ("!pip download tensorflow==1.15", {}),
        ("!pip install tensorflow-datasets==1.0", {}),
        ("!conda create -n tensorflow", {}),
        ("!pip install 'tensorflow==", {}),
        ("%matplotlib inline", {}),
    ],
)
def test_command(command, expected):
    """A command pins what it asks for by version; one without a version keeps what is there."""
    assert expected == installed(command)


def test_last_command_counts():
    """Builds of TensorFlow are one package, and the last statement on it counts."""
    commands = ("%tensorflow_version 2.x", "!pip install tensorflow-gpu==1.15", "!pip install numpy")

    assert {"tensorflow-gpu": "==1.15"} == installed(*commands)
    assert {"tensorflow": ">=2,<3"} == installed(*reversed(commands))


def test_commands_go_before_files():
    """What a command says replaces the project's pins of that package; TensorFlow takes its Keras along."""
    assert {"numpy": "==1.16", "tensorflow-gpu": "==2.3"} == installed("!pip install tensorflow-gpu==2.3", pins=PINNED)
    assert {**dict(PINNED.items), "numpy": "<2"} == installed("!pip install 'numpy<2'", pins=PINNED)
    assert PINNED == pins_with(PINNED, ["!ls"], "/none", None)


def test_last_run():
    """What a notebook's last run shows counts if neither a command nor a file says which TensorFlow is meant."""
    shown = (("keras", "<2.4"), ("tensorflow", "<2.7"))
    numpy = Pins((("numpy", "==1.16"), ("tensorflow", "")))

    assert Pins(tuple(sorted((*numpy.items, *shown)))) == pins_with(numpy, [], "/none", None, shown)
    assert PINNED == pins_with(PINNED, [], "/none", None, shown)
    assert {"numpy": "<2", **dict(shown)} == dict(
        pins_with(NOTHING, ["!pip install 'numpy<2'"], "/none", None, shown).items
    )
    assert Pins((("tensorflow", "==2.9"),)) == pins_with(
        NOTHING, ["!pip install tensorflow==2.9"], "/none", None, shown
    )


def test_requirement_files(tmp_path):
    """`-r` reads the file beside the notebook, one that a cell wrote as well."""
    (tmp_path / "old.txt").write_text("tensorflow==1.8\n")
    project = Project(tmp_path)
    notebook = str(tmp_path / "a.ipynb")
    new = {str(tmp_path / "new.txt"): b"tensorflow==2.9\n"}

    assert (("tensorflow", "==1.8"),) == project.seen_from(notebook, {}, ["!pip install -r old.txt"]).pins.items
    assert (("tensorflow", "==2.9"),) == project.seen_from(notebook, new, ["!pip install -r new.txt"]).pins.items
    assert Pins() == project.seen_from(notebook, {}, ["!pip install -r none.txt"]).pins


def test_project_stays(tmp_path):
    """The project of one notebook does not change that of another, and the disk is asked for what it holds itself."""
    project = Project(tmp_path)
    written = {str(tmp_path / "net.py"): b"x = 1", str(tmp_path / "package" / "part.py"): b""}
    seen = project.seen_from(str(tmp_path / "a.ipynb"), written, ["!pip install tensorflow==1.15"])
    importer = str(tmp_path / "a.ipynb")

    assert b"x = 1" == seen.read(tmp_path / "net.py")
    assert list(written) == [seen.resolve("net", 0, importer), seen.resolve("package.part", 0, importer)]
    assert "missing" == project.asked[str(tmp_path / "net.py")]
    assert (None, Pins()) == (project.resolve("net", 0, importer), project.pins)
