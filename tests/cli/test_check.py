"""`trainlint check`, with an analysis made by hand."""

from __future__ import annotations

import json
import os

import pytest

IMPORT = "import tensorflow as tf\n"


def put(tmp_path, name, text):
    """Writes a file and returns its name."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return name


def test_findings_give_status_1(run, tmp_path):
    """A warning is shown, and the exit status says that there is one."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    result = run("check", "train.py")

    assert 1 == result.exit_code
    assert result.stdout.startswith(
        "train.py:2:1  warning  bad-call (TL801)\n  bad() is called\n  It hurts. Very much.\n"
    )
    assert "" == result.stderr


def test_nothing_gives_status_0(run, tmp_path):
    """A clean file gives 0, and so does one with nothing but information."""
    put(tmp_path, "good.py", IMPORT)
    put(tmp_path, "mild.py", IMPORT + "bad()  # mild\n")

    assert 0 == run("check", "good.py").exit_code
    assert 0 == run("check", "mild.py").exit_code


def test_missing_path_gives_status_2_and_the_rest_goes_on(run, tmp_path):
    """A path that is not there is told in one line, the other findings are shown, and 2 wins over 1."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    result = run("check", "nowhere.py", "train.py", "--output-format", "concise")

    assert 2 == result.exit_code
    assert "train.py:2:1: warning bad-call bad() is called\n" == result.stdout
    assert "trainlint: error: nowhere.py: No such file or directory\n" == result.stderr


def test_internal_error_is_reported_and_the_rest_goes_on(run, tmp_path):
    """A fault of trainlint in one file is told in one line, the others are checked, and the status is 2."""
    put(tmp_path, "one.py", IMPORT + "fail()\n")
    put(tmp_path, "two.py", IMPORT + "bad()\n")
    result = run("check", ".", "--output-format", "concise")

    assert 2 == result.exit_code
    assert "two.py:2:1: warning bad-call bad() is called\n" == result.stdout
    assert 1 == result.stderr.count("\n")
    assert result.stderr.startswith("trainlint: error: one.py: internal error: RuntimeError: out of luck; ")
    assert "please report it" in result.stderr


def test_pipe_is_not_waited_for(run, tmp_path):
    """A path that is no regular file is refused at once."""
    os.mkfifo(tmp_path / "pipe.py")
    result = run("check", "pipe.py")

    assert 2 == result.exit_code
    assert "trainlint: error: pipe.py: not a regular file\n" == result.stderr


def test_folder_without_python(run, tmp_path):
    """A folder without anything to check is told, and is no error."""
    put(tmp_path, "notes/a.txt", "")
    result = run("check", "notes")

    assert 0 == result.exit_code
    assert "note: notes: no Python file or notebook in this folder\n" in result.stdout


def test_files_without_tensorflow_are_not_analysed(run, tmp_path):
    """What names neither TensorFlow nor Keras is counted and left alone."""
    put(tmp_path, "other.py", "bad()\n")
    result = run("check", "other.py")

    assert 0 == result.exit_code
    assert result.stdout.startswith("No mistakes found in 1 file.\n0 models: ")


def test_json(run, tmp_path):
    """The JSON document holds findings, notices and the number of files; standard output holds nothing else."""
    put(tmp_path, "sub/train.py", IMPORT + "bad()\n")
    result = run("check", "sub", "nowhere", "--output-format", "json")
    document = json.loads(result.stdout)

    assert ["sub/train.py"] == [finding["file"] for finding in document["findings"]]
    assert 1 == document["files_checked"]
    assert [("unreadable", "nowhere")] == [(notice["kind"], notice["file"]) for notice in document["notices"]]


def test_select_and_ignore(run, tmp_path):
    """Names, codes and categories choose rules, repeated or in a list; ignoring wins."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    statuses = [
        run("check", "train.py", *options).exit_code
        for options in (
            ("--select", "shape"),
            ("--select", "shape,TL801"),
            ("--select", "shape", "--select", "bad-call"),
            ("--ignore", "training"),
            ("--select", "bad-call", "--ignore", "TL801"),
        )
    ]

    assert [0, 1, 1, 0, 0] == statuses


def test_unknown_rule(run):
    """An unknown rule is bad usage, and the line says what may have been meant."""
    result = run("check", "--select", "bad_cal")

    assert 2 == result.exit_code
    assert "trainlint: error: there is no rule 'bad_cal' (did you mean bad-call?)\n" == result.stderr


def test_selected_by_hand_wins_over_the_file(run, tmp_path):
    """What the command line selects is checked although the configuration ignores it."""
    put(tmp_path, "pyproject.toml", '[tool.trainlint]\nignore = ["bad-call"]\n')
    put(tmp_path, "train.py", IMPORT + "bad()\n")

    assert 0 == run("check", "train.py").exit_code
    assert 1 == run("check", "train.py", "--select", "bad-call").exit_code
    assert 1 == run("check", "train.py", "--isolated").exit_code


def test_invalid_configuration(run, tmp_path):
    """A wrong key is told once, with file and key; the files are still checked, and the status is 2."""
    put(tmp_path, "pyproject.toml", "[tool.trainlint]\nslect = []\n")
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    result = run("check", ".", "--output-format", "concise")

    assert 2 == result.exit_code
    assert "train.py:2:1: warning bad-call bad() is called\n" == result.stdout
    assert result.stderr.startswith("trainlint: error: pyproject.toml: tool.trainlint.slect: unknown key")
    assert 1 == result.stderr.count("\n")


def test_config_option(run, tmp_path):
    """A configuration can be given by hand; one that is missing or wrong is bad usage."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    put(tmp_path, "other.toml", '[tool.trainlint]\nignore = ["bad-call"]\n')
    put(tmp_path, "empty.toml", "")

    assert 0 == run("check", "train.py", "--config", "other.toml").exit_code
    assert (
        "trainlint: error: --config no.toml: No such file or directory\n" == run("check", "--config", "no.toml").stderr
    )
    assert "trainlint: error: empty.toml has no [tool.trainlint]\n" == run("check", "--config", "empty.toml").stderr


def test_exclude(run, tmp_path):
    """What is excluded by hand is left out unless it is named."""
    put(tmp_path, "old/train.py", IMPORT + "bad()\n")

    assert 0 == run("check", ".", "--exclude", "old/").exit_code
    assert 1 == run("check", "old/train.py", "--exclude", "old/").exit_code


def test_standard_input(run):
    """`-` reads standard input under the name that is given."""
    result = run(
        "check", "-", "--stdin-filename", "models/net.py", "--output-format", "concise", input=IMPORT + "bad()\n"
    )

    assert 1 == result.exit_code
    assert "models/net.py:2:1: warning bad-call bad() is called\n" == result.stdout
    assert "<stdin>:2:1: " in run("check", "-", "--output-format", "concise", input=IMPORT + "bad()\n").stdout


def test_path_outside_the_working_folder_is_absolute(run, tmp_path, monkeypatch):
    """Only a path outside of the working folder is shown in full."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    result = run("check", "../train.py", "--output-format", "concise")

    assert f"{tmp_path.as_posix()}/train.py:2:1: warning bad-call bad() is called\n" == result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("check", "--config", "a", "--isolated"), "--config and --isolated exclude each other"),
        (
            ("check", "--diff", "--output-format", "json"),
            "--diff prints a diff, so it does not go with --output-format",
        ),
        (("check", "--unsafe-fixes"), "--unsafe-fixes needs --fix or --diff"),
        (("check", ""), "a PATH is empty"),
        (("check", "-", "a.py"), "standard input (-) is checked alone"),
        (("chek",), "there is no command 'chek' (did you mean check?)"),
    ],
)
def test_bad_usage(run, args, message):
    """Bad usage is one line and status 2."""
    result = run(*args)

    assert (2, f"trainlint: error: {message}\n") == (result.exit_code, result.stderr)


def test_path_in_place_of_a_command(run, tmp_path):
    """Who forgets `check` is told what to type."""
    put(tmp_path, "train.py", "")

    expected = "trainlint: error: there is no command 'train.py' (to check it: trainlint check train.py)\n"

    assert expected == run("train.py").stderr


def test_colours_follow_the_environment(run, tmp_path, monkeypatch):
    """Without a terminal there are colours only if they are asked for, and NO_COLOR wins."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")

    assert "\x1b" not in run("check", "train.py").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[33;1mwarning\x1b[0m" in run("check", "train.py").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("check", "train.py").stdout


def test_any_unreadable_file_gives_status_2(run, tmp_path):
    """A file that cannot be read is an error wherever it was found, and the rest is checked."""
    put(tmp_path, "train.py", IMPORT + "bad()\n")
    put(tmp_path, "broken.ipynb", '{"cells": [')
    put(tmp_path, "empty.ipynb", "")
    put(tmp_path, "list.ipynb", "[]")
    (tmp_path / "image.py").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))
    result = run("check", ".", "--output-format", "concise")

    assert 2 == result.exit_code
    assert "train.py:2:1: warning bad-call bad() is called\n" == result.stdout
    assert [
        "trainlint: error: broken.ipynb: not a notebook: line 1 is not JSON (Expecting value)",
        "trainlint: error: empty.ipynb: not a notebook: the file is empty",
        "trainlint: error: image.py: this is a binary file, not Python",
        "trainlint: error: list.ipynb: not a notebook: the JSON holds no object",
    ] == sorted(result.stderr.splitlines())


def test_a_file_that_is_deleted_during_the_check(run, tmp_path, monkeypatch):
    """A file that was found and cannot be read any more is an error."""
    from trainlint.batch import discovery

    put(tmp_path, "train.py", IMPORT)
    put(tmp_path, "gone.py", IMPORT)
    discover = discovery.discover

    def forgetful(paths, config_for):
        found = discover(paths, config_for)
        (tmp_path / "gone.py").unlink()
        return found

    monkeypatch.setattr(discovery, "discover", forgetful)
    result = run("check", ".")

    assert (2, "trainlint: error: gone.py: No such file or directory\n") == (result.exit_code, result.stderr)
    assert "No mistakes found in what could be checked.\n" in result.stdout


def test_a_notebook_on_standard_input(run):
    """A notebook is known by its content where no name says what it is."""
    notebook = json.dumps({"cells": [{"cell_type": "markdown", "source": "text"}], "nbformat": 4, "metadata": {}})
    broken = '{"cells": ['

    assert 0 == run("check", "-", input=notebook).exit_code
    assert 2 == run("check", "-", "--stdin-filename", "a.ipynb", input=broken).exit_code


def test_select_without_a_name(run):
    """An empty list of rules is bad usage: it would check nothing, or everything."""
    assert "trainlint: error: --select names no rule\n" == run("check", "--select", "").stderr


def test_select_of_an_empty_category(run):
    """A category that has no rule so far is bad usage where it is all that is selected."""
    result = run("check", "--select", "speed")

    assert (2, "trainlint: error: --select speed selects no rule: the category is empty\n") == (
        result.exit_code, result.stderr,
    )  # fmt: skip


def test_the_help_tells_no_more_than_there_is(run):
    """The statuses are those of the tests above, and the options are there."""
    text = " ".join(run("check", "--help").stdout.split())

    assert "2 an `error:` line says what could not be done" in text
    assert 0 == run("check", "--jobs", "2", "--no-cache", "--show-info", "--isolated").exit_code


def test_no_command(run):
    """Without a command the help is shown as it is laid out, and the status says that nothing was done."""
    result = run()

    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("Usage: trainlint [OPTIONS] COMMAND [ARGS]...\n\n  Finds the mistakes")
