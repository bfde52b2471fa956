"""Analyses as plain data, and what several of them say of one file."""

from __future__ import annotations

import json

from trainlint.report.entries import merged


def test_entries_are_plain_data(seed):
    """An entry survives a cache and the way between processes."""
    entry = seed.entry()

    assert entry == json.loads(json.dumps(entry))


def test_a_finding_in_a_sibling_is_said_once(analysed):
    """What two files report of a module that both import is told once, with that module, in its graver form."""
    module = analysed("a\n", "blocks.py").find("some-rule", "a", "mild", severity="info").model("a")
    script = analysed("b\n", "train.py")
    script.siblings["blocks.py"] = "a\n"
    script.find("some-rule", ("blocks.py", 1, 1, 2), "grave", severity="error").model(("blocks.py", 1, 1, 2))
    first, second = merged([script.entry(), module.entry()])

    assert ("train.py", [], []) == (first["file"], first["findings"], first["models"])
    assert ["grave"] == [finding["message"] for finding in second["findings"]]
    assert 1 == len(second["models"])


def test_a_sibling_that_is_not_checked_stays_with_the_file(analysed):
    """A finding in a module outside of the check stands with the file that brought it up."""
    script = analysed("b\n", "train.py")
    script.siblings["blocks.py"] = "a\n"
    script.find("some-rule", ("blocks.py", 1, 1, 2), "grave")

    assert [["blocks.py"]] == [[finding["file"] for finding in entry["findings"]] for entry in merged([script.entry()])]
