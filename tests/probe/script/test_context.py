"""A program runs as if it was started from its own folder, with the texts of its arm."""

from __future__ import annotations

import json

import pytest

from trainlint.probe.script import Arm


def printed(run):
    """The last line that was printed, as JSON."""
    return json.loads(run.output.text.strip().splitlines()[-1])


def test_names_of_the_program(runner):
    """`__name__`, `__file__`, the arguments, the working folder and the path are those of a program that is started."""
    run = runner.run(
        """
        import json, os, sys
        print(json.dumps([__name__, __file__, sys.argv, os.getcwd(), sys.path[0], sys.modules["__main__"].__file__]))
        """,
        arguments=("--epochs", "3"),
    )
    folder, entry = str(runner.folder), str(runner.folder / "train.py")

    assert ["__main__", entry, ["train.py", "--epochs", "3"], folder, folder, entry] == printed(run)


def test_siblings_and_data_are_found(runner):
    """Modules beside the program, packages and relative data files are found."""
    runner.write("model.py", "SIZE = 3")
    runner.write("parts/__init__.py", "from parts.layers import WIDTH")
    runner.write("parts/layers.py", "WIDTH = 4")
    runner.write("daten/größe.txt", "5")
    run = runner.run(
        """
        from model import SIZE
        from parts import WIDTH
        print([SIZE, WIDTH, int(open("daten/größe.txt").read())])
        """
    )

    assert [3, 4, 5] == printed(run)


def test_changed_siblings_are_taken_from_the_arm(runner):
    """A sibling, a package and a module in it have the arm's texts; the files stay as they are."""
    paths = [runner.write("model.py", "SIZE = 3"), runner.write("parts/__init__.py", ""), ""]
    paths[2] = runner.write("parts/layers.py", "WIDTH = 4")
    changed = {paths[0]: b"SIZE = 30", paths[1]: b"KIND = 'changed'", paths[2]: b"WIDTH = 40"}
    text = """
        import json
        import parts, parts.layers
        from model import SIZE
        print(json.dumps([SIZE, getattr(parts, "KIND", None), parts.layers.WIDTH, parts.layers.__file__]))
    """
    result = runner.result(text, Arm("repaired", changed))

    assert [3, None, 4, paths[2]] == printed(result.runs[0])
    assert [30, "changed", 40, paths[2]] == printed(result.runs[1])
    assert "SIZE = 3" == (runner.folder / "model.py").read_text()
    assert [] == list(runner.folder.rglob("*.pyc"))


def test_sources_are_those_of_the_arm(runner):
    """`inspect`, and so AutoGraph, sees the text that runs, not the one on disk, in its own encoding."""
    entry = str(runner.folder / "train.py")
    changed = (
        "# coding: latin-1\nimport inspect, json\n\ndef f():\n    return 'é'\n\nprint(json.dumps(inspect.getsource(f)))"
    )
    result = runner.result("print('[]')\n" * 9, Arm("repaired", {entry: changed.encode("latin-1")}))

    assert "def f():\n    return 'é'\n" == printed(result.runs[1])


def test_errors_name_the_place_in_the_users_file(runner):
    """An error comes with its last line and the last place that is the user's own."""
    helper = runner.write("helper.py", "import json\n\ndef load():\n    return json.loads('[')\n")
    run = runner.run("from helper import load\n\nload()")

    assert "error" == run.outcome
    assert (helper, 4, "load") == run.place
    assert "JSONDecodeError: Expecting value" in run.message
    assert run.output.text.startswith("Traceback (most recent call last):\n")
    assert "recording" not in run.output.text


def test_errors_of_syntax_have_a_place(runner):
    """A text that is no Python is an error of the program."""
    run = runner.run("import keras\n\nprint 'old'")

    assert ("error", 3) == (run.outcome, run.place[1])


def test_a_notebook_needs_no_file(runner):
    """The entry of a notebook lies in its arms alone, and what only a notebook has does nothing."""
    entry = str(runner.folder / "notebook.py")
    text = b"import keras\ndisplay(1)\nkeras.Model().fit([1.0] * 99, [3.0] * 99)"
    runner.write("train.py", "")
    from trainlint.probe.script import Experiment, run

    from .conftest import PYTHON, STAND_INS

    experiment = Experiment(
        entry, (Arm("as written", {entry: text}),), notebook=True, environment={"PYTHONPATH": str(STAND_INS)}
    )
    result = run(experiment, python=PYTHON, seeds=(0,), steps=5, sandboxed=runner.sandboxed)

    assert ["finished"] == [each.outcome for each in result.runs]


def test_modules_named_like_the_standard_library(runner):
    """A sibling named like a module that only the recording uses is found as in a plain run."""
    runner.write("zlib.py", "NAME = 'mine'")
    run = runner.run("import zlib, json\nprint(json.dumps(getattr(zlib, 'NAME', None)))")

    assert "mine" == printed(run)


@pytest.mark.parametrize("name", ["mein programm.py", "訓練,a:b=c.py"])
def test_names_with_any_letters(runner, name):
    """Names of files may hold spaces, other scripts and what separates options elsewhere."""
    run = runner.run("import keras\nkeras.Model().fit([1.0] * 99, [3.0] * 99)", name=name)

    assert "finished" == run.outcome


def test_nothing_is_imported_before_the_program_does(runner):
    """A program that sets a variable before it imports its backend has its effect."""
    run = runner.run(
        "import sys, json\nprint(json.dumps([n for n in ('keras', 'numpy', 'tensorflow') if n in sys.modules]))"
    )

    assert [] == printed(run)


def test_the_screen_is_not_there(runner):
    """Plots go nowhere, standard input is empty."""
    run = runner.run("import json, os, sys\nprint(json.dumps([os.environ['MPLBACKEND'], sys.stdin.read()]))")

    assert ["Agg", ""] == printed(run)
