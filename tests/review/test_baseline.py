"""Baselines: counted by file and rule, whatever line a finding moves to."""

from __future__ import annotations

import json

import pytest

from trainlint.review.baseline import (
    BaselineError,
    Now,
    compare,
    counted,
    pruned,
    read,
    relative_to,
    updated,
    write,
)

PATH = "its path"
"""What a fingerprint begins with: eight letters for the path."""


def entries(*found, **more):
    """Entries of files with findings: "file rule fingerprint", silenced with a ! before it."""
    files = {}
    for text in found:
        file, rule, fingerprint = text.removeprefix("!").split()
        finding = {
            "file": file,
            "rule": rule,
            "fingerprint": PATH + fingerprint,
            "suppressed": "x" if text[0] == "!" else None,
        }
        files.setdefault(file, []).append(finding)
    return [{"file": file, "findings": each, **more} for file, each in files.items()]


def same(file):
    """Paths as they are."""
    return file


def now(found, checked=None, gone=(), unasked=()):
    """What a check says: of which files, which are gone, and for which rules nobody looked."""
    known = counted(found, same) if isinstance(found, list) else found
    return Now(
        known, set(known) if checked is None else checked, lambda file: file not in gone,
        lambda file, rule: rule not in unasked,
    )  # fmt: skip


def left(found, known, **more):
    """The fingerprints that a baseline leaves, and how many of its own are gone."""
    checked = {entry["file"] for entry in found}
    compared = compare(found, known, now(found, checked, **more), same)
    shown = [each["fingerprint"] for entry in compared.entries for each in entry["findings"]]
    return [each.removeprefix(PATH) for each in shown], compared.gone


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
    found = entries("a.py three 7")

    assert {"a.py": {"three": ["7"]}, "b.py": {"one": ["4"]}} == updated(KNOWN, now(found, {"a.py", "c.py"}))
    assert {"b.py": {"one": ["4"]}} == updated(KNOWN, now({}, {"a.py"}))


def test_what_another_file_shows_of_one_that_was_not_checked():
    """A part of what is known is no reason to forget the rest."""
    found = entries("a.py one 2", "a.py three 7")

    assert {"a.py": {"one": ["1", "2"], "two": ["3"], "three": ["7"]}, "b.py": {"one": ["4"]}} == updated(
        KNOWN, now(found, {"c.py"})
    )


def test_rules_that_nobody_looked_for_stay():
    """What was not looked for is not gone: it is neither told, nor forgotten, nor taken out."""
    found = entries("a.py one 1", "a.py one 2")
    check = now(found, {"a.py"}, unasked=("two",))

    assert ([], 0) == left(found, KNOWN, unasked=("two",))
    assert KNOWN == updated(KNOWN, check)
    assert (KNOWN, 0, {}) == pruned(KNOWN, check)


def test_pruning_adds_nothing():
    """What is gone is taken out, of files that are gone everything, and new findings are no part of it."""
    found = entries("a.py one 2", "a.py three 7")
    known = {**KNOWN, "gone.py": {"one": ["5", "6"]}}

    expected = {"a.py": {"one": ["2"], "two": []}, "b.py": {"one": ["4"]}}
    assert (expected, 4, {}) == pruned(known, now(found, gone=("gone.py",)))


def test_files_that_are_gone_are_told():
    """A check says that there is something to take out, and `create` keeps nothing of what is gone."""
    assert ([], 1) == left(entries("a.py one 1", "a.py one 2", "a.py two 3"), KNOWN, gone=("b.py",))
    assert {"a.py": {"two": ["3"]}} == updated(KNOWN, now(entries("a.py two 3"), gone=("b.py",)))


def test_pruning_takes_up_edited_statements():
    """A statement that was edited is listed as it is now, so that it is known when another one comes."""
    found = entries("a.py one 8", "a.py two 3", "b.py one 4")

    assert (["8"], 1, {}) == (lambda kept, n, names: (kept["a.py"]["one"], n, names))(*pruned(KNOWN, now(found)))


# Renamed files --------------------------------------------------------------------------------------------------------


def test_a_renamed_file_keeps_what_is_known():
    """Half of its findings are enough to know it again; what came since then is shown."""
    found = entries("new.py one 1", "new.py one 2", "new.py two 9", "new.py two 10", "b.py one 4")

    assert (["9", "10"], 0) == left(found, KNOWN, gone=("a.py",))
    assert ({"new.py": {"one": ["1", "2"], "two": ["9"]}, "b.py": {"one": ["4"]}}, 0, {"new.py": "a.py"}) == pruned(
        KNOWN, now(found, gone=("a.py",))
    )


def test_a_file_that_looks_like_another_one():
    """What is known of a file that is there, or that is gone and had other findings, hides nothing of a new one."""
    found = entries("new.py one 1", "new.py one 2", "new.py two 3")

    assert (["1", "2", "3"], 0) == left(found, KNOWN)
    assert (["1", "2", "3"], 4) == left(found, {"gone.py": {"one": ["1", "5", "6"], "two": ["7"]}}, gone=("gone.py",))


def test_a_folder_that_was_renamed():
    """Each file finds its own old name, first by what is in it, then by how it is called."""
    known = {"old/a.py": {"one": ["1"]}, "old/b.py": {"one": ["1"]}, "old/c.py": {"one": ["2"]}}
    found = entries("lib/a.py one 1", "lib/b.py one 1", "lib/d.py one 2")

    assert {"lib/a.py": "old/a.py", "lib/b.py": "old/b.py", "lib/d.py": "old/c.py"} == pruned(
        known, now(found, gone=known)
    )[2]


def test_paths_start_at_the_baseline():
    """A baseline means the same from whatever folder a check is started."""
    assert ["src/a.py", "src/a.py", "../b.py"] == [
        relative_to("/repo", "/repo")("src/a.py"), relative_to("/repo", "/repo/src")("a.py"),
        relative_to("/repo", "/repo")("/b.py"),
    ]  # fmt: skip


def test_the_text_is_json():
    """Other tools can read it."""
    assert 1 == json.loads(write(KNOWN))["trainlint_baseline"]
