"""Baselines: counted by file and rule, whatever line a finding moves to."""

from __future__ import annotations

import json

import pytest

from trainlint.review.baseline import BaselineError, compare, counted, pruned, read, relative_to, updated, write


def entries(*found, **more):
    """Entries of files with findings: "file rule fingerprint", silenced with a ! before it."""
    files = {}
    for text in found:
        file, rule, fingerprint = text.removeprefix("!").split()
        finding = {
            "file": file,
            "rule": rule,
            "fingerprint": fingerprint,
            "suppressed": "x" if text[0] == "!" else None,
        }
        files.setdefault(file, []).append(finding)
    return [{"file": file, "findings": each, **more} for file, each in files.items()]


def same(file):
    """Paths as they are."""
    return file


def left(found, known):
    """The fingerprints that a baseline leaves, and how many of its own are gone."""
    compared = compare(found, known, same)
    return [each["fingerprint"] for entry in compared.entries for each in entry["findings"]], compared.gone


KNOWN = {"a.py": {"one": ["1", "2"], "two": ["3"]}, "b.py": {"one": ["4"]}}


def test_known_findings_are_left_out():
    """What is in the baseline is not shown; what is new is."""
    found = entries("a.py one 1", "a.py one 2", "a.py one 9", "a.py three 3", "b.py one 4")

    assert (["9", "3"], 1) == left(found, KNOWN)


def test_edited_statements_are_the_same_findings():
    """As many findings of a rule in a file as there were are the known ones, also if their text changed."""
    assert ([], 1) == left(entries("a.py one 8", "a.py one 9"), KNOWN)


def test_more_than_known_and_edited():
    """Where there are more than there were, everything that is not surely known is shown."""
    assert (["8", "9"], 1) == left(entries("a.py one 1", "a.py one 8", "a.py one 9"), KNOWN)


def test_equal_fingerprints_are_counted():
    """The same fingerprint twice is known once if it was there once."""
    assert (["4"], 0) == left(entries("b.py one 4", "b.py one 4"), {"b.py": {"one": ["4"]}})


def test_silenced_findings_are_none_of_it():
    """What a comment silences is neither counted nor hidden."""
    found = entries("!a.py one 1", "a.py one 2")

    assert {"a.py": {"one": ["2"]}} == counted(found, same)
    assert (["1"], 2) == left(found, KNOWN)


def test_writing_and_reading():
    """A baseline is read as it was written, sorted, a fingerprint to a line."""
    text = write({"b.py": {"one": ["2", "1"]}, "a.py": {"empty": []}})

    assert {"b.py": {"one": ["1", "2"]}} == read(text.encode())
    assert ['    "1",', '    "2"'] == text.splitlines()[-6:-4]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is no JSON (Expecting value, line 1)"),
        (
            b'{"trainlint_baseline": 1,\n<<<<<<< HEAD\n',
            "it is no JSON (Expecting property name enclosed in double quot",
        ),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[" * 100_000, "it is nested too deep"),
        (b"[]", "it is no baseline of trainlint"),
        (b'{"files": {}}', "it is no baseline of trainlint"),
        (b'{"trainlint_baseline": 9}', "it is a baseline of version 9, and this trainlint reads version 1"),
        (b'{"trainlint_baseline": 1, "files": []}', "`files` must be an object"),
        (b'{"trainlint_baseline": 1, "files": {"a.py": {"one": 3}}}', "the entry of 'a.py' must give a list of fing"),
    ],
)
def test_what_is_no_baseline(data, problem):
    """Whatever is wrong with a baseline is said in one line."""
    with pytest.raises(BaselineError) as caught:
        read(data)

    assert str(caught.value).startswith(problem)


def test_files_that_were_not_checked_stay():
    """A baseline of a part of the code says nothing of the rest."""
    found = counted(entries("a.py three 7"), same)

    assert {"a.py": {"three": ["7"]}, "b.py": {"one": ["4"]}} == updated(KNOWN, found, {"a.py", "c.py"})
    assert {"b.py": {"one": ["4"]}} == updated(KNOWN, {}, {"a.py"})


def test_pruning_adds_nothing():
    """What is gone is taken out, of files that are gone everything, and new findings are no part of it."""
    found = counted(entries("a.py one 2", "a.py three 7"), same)
    known = {**KNOWN, "gone.py": {"one": ["5", "6"]}}

    expected = {"a.py": {"one": ["2"], "two": []}, "b.py": {"one": ["4"]}}
    assert (expected, 4) == pruned(known, found, {"a.py"}, lambda name: name == "b.py")


def test_pruning_takes_up_edited_statements():
    """A statement that was edited is listed as it is now, so that it is known when another one comes."""
    found = counted(entries("a.py one 8", "a.py two 3", "b.py one 4"), same)

    assert (["8"], 1) == (lambda kept, n: (kept["a.py"]["one"], n))(*pruned(KNOWN, found, {"a.py", "b.py"}, bool))


def test_paths_start_at_the_baseline():
    """A baseline means the same from whatever folder a check is started."""
    assert ["src/a.py", "src/a.py", "../b.py"] == [
        relative_to("/repo", "/repo")("src/a.py"), relative_to("/repo", "/repo/src")("a.py"),
        relative_to("/repo", "/repo")("/b.py"),
    ]  # fmt: skip


def test_the_text_is_json():
    """Other tools can read it."""
    assert 1 == json.loads(write(KNOWN))["trainlint_baseline"]
