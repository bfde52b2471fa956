"""A branch adds one mistake to an old file full of findings: a review shows that one, in every format, and fails."""

from __future__ import annotations

import json
import textwrap
from xml.etree import ElementTree

import pytest

from reviewed import BUG, LINE, OLD, REPAIRED
from trainlint.report.formats import FORMATS

HERE = "old.py:{line}:92: error single-unit-softmax "

SELECTED = pytest.mark.parametrize(
    "options", [("--baseline", "trainlint-baseline.json"), ("--diff-base", "main")], ids=["baseline", "diff-base"]
)


@SELECTED
def test_exactly_the_new_mistake(options, repository, trainlint):
    """Of many findings the new one is shown, at its line, and the status says that there is one."""
    everything = trainlint("check", "--output-format", "concise")
    result = trainlint("check", "--output-format", "concise", *options)

    assert (1, 5) == (everything.status, everything.out.count("\n"))
    assert (1, "") == (result.status, result.errors)
    assert result.out.startswith(HERE.format(line=LINE))
    assert 1 == result.out.count("\n")


def places(name, text):
    """The rules and lines that a report tells."""
    if name in ("json", "jsonl"):
        found = json.loads(text)["findings"] if name == "json" else [json.loads(line) for line in text.splitlines()]
        return [(each["rule"], each["line"]) for each in found]
    if name == "sarif":
        return [
            (each["properties"]["rule"], each["locations"][0]["physicalLocation"]["region"]["startLine"])
            for each in json.loads(text)["runs"][0]["results"]
        ]
    if name == "gitlab":
        return [(each["check_name"], each["location"]["lines"]["begin"]) for each in json.loads(text)]
    if name == "rdjson":
        found = json.loads(text)["diagnostics"]
        return [(each["code"]["value"], each["location"]["range"]["start"]["line"]) for each in found]
    if name == "junit":
        cases = [case for case in ElementTree.fromstring(text).iter("testcase") if len(case)]
        names = [case.attrib["name"].split() for case in cases]
        return [(rule, int(where.split(":")[0])) for rule, _, where in names]
    if name == "github":
        text = text.rpartition("::\n")[2]
    # Formats for people: the one line that it is about, and none of the others.
    lines = {
        n
        for n in range(1, LINE + 10)
        for shape in (f":{n}:", f"line {n},", f"line {n}\n", f"line={n},")
        if shape in text
    }
    return [
        (rule, n) for rule in ("single-unit-softmax", "logits-into-probability-loss") if rule in text for n in lines
    ]


@pytest.fixture
def reports(trainlint, tmp_path):
    """Runs a check that writes every format, and gives what it did and what the reports tell."""

    def run(*options):
        wanted = [f"--output-format={name}={tmp_path / name}" for name in FORMATS]
        result = trainlint("check", *wanted, *options)
        return result, {name: places(name, (tmp_path / name).read_text("utf-8")) for name in FORMATS}

    return run


@SELECTED
def test_every_format(options, repository, reports):
    """All formats of one run tell the same finding and no other; the run fails."""
    result, found = reports(*options)

    assert (1, "") == (result.status, result.out)
    assert result.errors.startswith("Found 1 error in 1 file (4 more ")
    assert {name: [("single-unit-softmax", LINE)] for name in FORMATS} == found


def test_everything_without_a_selection(repository, reports):
    """What is kept quiet is there: without a baseline all formats tell of the old findings as well."""
    result, found = reports()

    assert result.errors.startswith("Found 3 errors and 2 warnings in 1 file.")
    assert all(("logits-into-probability-loss", 13) in each and len(each) > 4 for each in found.values())


@SELECTED
def test_repairing_it_makes_it_green(options, repository, reports):
    """The same check passes when the mistake is repaired, in all formats, and says that it left out what was there."""
    repository.commit(old=OLD + REPAIRED)
    result, found = reports(*options)

    assert 0 == result.status
    assert result.errors.startswith("No new mistakes found in 1 file (4 more ")
    assert {name: [] for name in FORMATS} == found


@SELECTED
def test_a_rebase_shakes_nothing(options, repository, reports):
    """Main moves every line of the old file and renames nothing; the branch is rebased, and shows the same."""
    repository.git("checkout", "-q", "main")
    moved = OLD.replace("import numpy", '"""A file with a history."""\n\n# Licence: none\n\nimport numpy')
    repository.commit(old=moved.replace("\n\nx = ", "\n\n\n# Data.\nx = "))
    repository.git("checkout", "-q", "work")
    repository.git("rebase", "-q", "main")
    result, found = reports(*options)

    assert 1 == result.status
    assert result.errors.startswith("Found 1 error in 1 file (4 more ")
    assert {name: [("single-unit-softmax", LINE + 6)] for name in FORMATS} == found


def test_a_cause_on_a_changed_line(repository, trainlint):
    """A finding on an old line counts if something that it follows from was changed."""
    repository.git("checkout", "-q", "main")
    repository.commit(data="import numpy as np\n\n\ndef load():\n    return np.random.uniform(0, 1, size=(100, 3))\n")
    fit = "from data import load\n" + OLD.split("\n", 1)[1].replace("x = colours()", "x = load()")
    fit = fit.replace("first.fit", "second = first\nfirst.fit").split("\nsecond = tf")[0]
    repository.commit(old=fit)
    repository.git("checkout", "-q", "-b", "scaled")
    repository.write(data="import numpy as np\n\n\ndef load():\n    return np.random.uniform(0, 255, size=(100, 3))\n")
    result = trainlint("check", "--output-format", "json", "--diff-base", "main")
    found = json.loads(result.out)["findings"]

    assert [("unscaled-inputs", "old.py")] == [(each["rule"], each["file"]) for each in found]


def test_old_findings_of_a_module_that_others_use(repository, trainlint):
    """What a changed file does with an unchanged module brings up no old finding of that module."""
    build = """\
        import tensorflow as tf

        def build(n, inputs):
            model = tf.keras.Sequential([tf.keras.Input((inputs,)), tf.keras.layers.Dense(n, activation="softmax")])
            model.compile("adam", loss="binary_crossentropy")
            return model
        """
    use = "import tensorflow as tf\nfrom nets import build\nfirst = build(1, 3)\n"
    repository.git("checkout", "-q", "main")
    repository.commit(nets=textwrap.dedent(build), use=use)
    repository.git("checkout", "-q", "-b", "users")
    everything = trainlint("check", "nets.py", "use.py", "--output-format", "concise")
    repository.write(use=use + "print(1)\n")
    result = trainlint("check", "--diff-base", "main", "--output-format", "concise")

    assert everything.out.startswith("nets.py:4:")
    assert (0, "") == (result.status, result.out)
    repository.write(use=use.replace("build(1", "build(2")).commit()
    repository.git("branch", "-f", "main")
    repository.write(use=use)
    assert trainlint("check", "--diff-base", "main", "--output-format", "concise").out.startswith("nets.py:4:")


def test_a_line_that_is_gone(repository, trainlint):
    """A finding on an old line counts if the program did not have it before; renaming what it stands in is no cause."""
    scaled = OLD.replace("x = colours()", "x = colours()\nx /= 255")
    inside = scaled.replace("\nfirst = ", "\n\ndef build():\n    pass\n\n\nfirst = ")
    repository.git("checkout", "-q", "main")
    repository.commit(old=inside)
    repository.git("checkout", "-q", "-b", "unscaled")
    repository.write(old=inside.replace("def build", "def make"))
    renamed = trainlint("check", "--diff-base", "main", "--output-format", "concise")
    repository.write(old=inside.replace("x /= 255\n", ""))
    removed = trainlint("check", "--diff-base", "main", "--output-format", "concise")

    assert (0, "") == (renamed.status, renamed.out)
    assert 1 == removed.status
    assert ["unscaled-inputs", "unscaled-inputs"] == [line.split()[2] for line in removed.out.splitlines()]


def test_modules_that_are_gone(repository, trainlint):
    """Renaming a module that a finding follows from brings up nothing; deleting one in front of another one does."""
    load = "import numpy as np\n\n\ndef load():\n    return np.random.uniform(0, {}, size=(100, 3))\n"
    fit = OLD.replace("x = colours()", "x = load()").replace("def colours", "from data import load\n\n\ndef colours")
    repository.git("checkout", "-q", "main")
    repository.commit(data=load.format(255), work__data=load.format(1), old=fit, work__old=fit)
    repository.git("checkout", "-q", "-b", "moved")
    repository.git("mv", "data.py", "pixels.py")
    repository.write(old=fit.replace("from data ", "from pixels "))
    renamed = trainlint("check", "old.py", "--diff-base", "main", "--output-format", "concise")
    repository.git("reset", "-q", "--hard")
    repository.git("rm", "-q", "work/data.py")
    deleted = trainlint("check", "--diff-base", "main", "--output-format", "concise")

    assert (0, "") == (renamed.status, renamed.out)
    assert 1 == deleted.status
    assert [("work/old.py", "unscaled-inputs")] * 2 == [
        (line.partition(":")[0], line.split()[2]) for line in deleted.out.splitlines()
    ]


def test_a_renamed_file(repository, trainlint):
    """Neither a comparison with git nor a baseline takes what a renamed file always had for new."""
    repository.git("mv", "old.py", "a new näme.py")
    for options in (("--diff-base", "main"), ("--baseline", "trainlint-baseline.json")):
        result = trainlint("check", "--output-format", "concise", *options)

        assert (1, 1) == (result.status, result.out.count("\n"))
        assert result.out.startswith("a new n" + HERE.format(line=LINE).replace("old.py", "äme.py"))
    assert "trainlint: note: old.py of the baseline is a new näme.py now: `trainlint baseline prune` renames it\n" == (
        result.errors
    )
    pruned = trainlint("baseline", "prune").out.splitlines()
    assert ["old.py is a new näme.py now.", "Nothing was taken out of trainlint-baseline.json; it lists 4."] == pruned
    again = trainlint("check", "--output-format", "concise", "--baseline", "trainlint-baseline.json")
    assert (1, "", 1) == (again.status, again.errors, again.out.count("\n"))


def test_some_rules_of_a_baseline(repository, trainlint):
    """A check, a baseline and a pruning of some rules leave alone what is known of the others."""
    known = (repository.folder / "trainlint-baseline.json").read_text()
    one = ("--select", "unscaled-inputs")
    result = trainlint("check", "--baseline", "trainlint-baseline.json", *one)

    assert (0, "") == (result.status, result.errors)
    assert "Nothing was taken out of trainlint-baseline.json; it lists 4.\n" == trainlint("baseline", "prune", *one).out
    assert "trainlint-baseline.json lists 4 findings in 1 file.\n" == trainlint("baseline", "create", *one).out
    assert known == (repository.folder / "trainlint-baseline.json").read_text()


def test_the_baseline_is_pruned(repository, trainlint):
    """What was repaired is taken out, and a check says before that there is something to take out."""
    repository.write(
        old=OLD.replace('loss="binary_crossentropy"', "loss=tf.keras.losses.BinaryCrossentropy(from_logits=True)")
    )
    before = trainlint("check", "--baseline", "trainlint-baseline.json")

    assert (0, "trainlint: note: 2 findings of the baseline are gone: `trainlint baseline prune` takes them out\n") == (
        before.status, before.errors,
    )  # fmt: skip
    assert "2 findings were taken out of trainlint-baseline.json; it lists 2.\n" == trainlint("baseline", "prune").out
    assert "" == trainlint("check", "--baseline", "trainlint-baseline.json").errors


def test_a_baseline_means_the_same_from_everywhere(repository, trainlint, monkeypatch):
    """Paths in a baseline start at its folder, so a check may be started in another one."""
    (repository.folder / "inner").mkdir()
    monkeypatch.chdir(repository.folder / "inner")
    result = trainlint("check", "..", "--baseline", "../trainlint-baseline.json", "--output-format", "concise")

    assert (1, 1) == (result.status, result.out.count("\n"))


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 1), (("--exit-zero",), 0), (("--fail-on", "error"), 1), (("--max-findings", "0"), 1),
        (("--max-findings", "4"), 1), (("--max-findings", "5"), 0), (("--fail-on", "error", "--max-findings", "3"), 0),
        (("--exit-zero", "missing.py"), 2),
    ],
)  # fmt: skip
def test_what_fails(options, status, repository, trainlint):
    """Three errors and two warnings fail as the options say; what could not be checked fails in any case."""
    assert status == trainlint("check", "old.py", *options).status


def test_statistics(repository, trainlint):
    """The findings are counted by rule."""
    lines = trainlint("check", "--statistics").out.splitlines()

    assert [
        "2  error    logits-into-probability-loss  in 1 file",
        "2  warning  unscaled-inputs               in 1 file",
        "1  error    single-unit-softmax           in 1 file  1 with a safe fix",
    ] == lines[:3]


def test_a_detached_head_is_checked(repository, trainlint):
    """CI checks out a commit and no branch; that is all the same."""
    repository.git("checkout", "-q", "--detach")
    result = trainlint("check", "--diff-base", "main", "--output-format", "concise")

    assert (1, 1) == (result.status, result.out.count("\n"))


def test_notebooks(repository, trainlint):
    """Of a notebook the cells are compared: running it again changes nothing, a new line does."""
    texts = [text.splitlines(True) for text in OLD.split("\n\n\n")]
    empty = {"cell_type": "code", "metadata": {}, "execution_count": None}
    cells = [{**empty, "outputs": [], "source": text} for text in texts]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    repository.git("rm", "-q", "old.py")
    repository.put("net.ipynb", json.dumps(book, indent=1)).commit()
    repository.git("branch", "-f", "main")
    cells[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["ran\n"]}]
    repository.put("net.ipynb", json.dumps(book, indent=2))
    again = trainlint("check", "--diff-base", "main")
    cells[-1]["source"] += BUG.splitlines(True)
    repository.put("net.ipynb", json.dumps(book, indent=1))
    new = trainlint("check", "--diff-base", "main", "--output-format", "gitlab")
    found = json.loads(new.out)
    line = (repository.folder / "net.ipynb").read_text().split("\n")[found[0]["location"]["lines"]["begin"] - 1]

    assert (0, 1) == (again.status, new.status)
    assert ["single-unit-softmax"] == [each["check_name"] for each in found]
    assert "softmax" in line
