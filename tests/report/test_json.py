"""The JSON document against its schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from probed import colours, failed, network
from trainlint import __version__
from trainlint.finding import Notice
from trainlint.report.json import document, render
from trainlint.report.summary import Hidden

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "output.schema.json").read_text("utf-8"))


def test_document_is_valid(seed):
    """The document has every key that the schema asks for and no other."""
    seed.notices.append(Notice("syntax-skipped", "train.py", "skipped", 3))

    jsonschema.validate(json.loads(render([seed.entry()], 1)), SCHEMA)


def test_schema_is_strict(seed):
    """The schema requires every key but what a probe or a baseline adds, and allows no other: the test above counts."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def objects(schema):
        if isinstance(schema, dict):
            if isinstance(schema.get("properties"), dict):
                yield schema
            for value in schema.values():
                yield from objects(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from objects(value)

    for schema in objects(SCHEMA):
        optional = ["arms", "hidden"] if schema is SCHEMA else []
        assert sorted(schema["properties"]) == sorted([*schema["required"], *optional])
        assert schema["additionalProperties"] is False


def test_document_of_a_probe_is_valid(seed):
    """Results and networks of a probe are as the schema says; a check has no `arms`."""
    entries, networks = colours(seed)
    networks.append(network([failed("all repaired")], runs=[], cell=3, backend=None, device=None))
    entries[0]["findings"][0]["evidence"]["result"].update(
        kind=None, data=None, backend=None, device=None, network=None
    )
    found = json.loads(render(entries, 1, networks))

    jsonschema.validate(found, SCHEMA)
    assert 2 == len(found["arms"])
    assert "arms" not in json.loads(render(entries, 1))


def test_what_is_left_out_is_counted(seed):
    """What a baseline or unchanged lines leave out is counted in the document, and only where something is."""
    made = document([seed.entry()], 1, hidden=Hidden(2, 1))
    jsonschema.validate(made, SCHEMA)

    assert {"baseline": 2, "unchanged": 1} == made["hidden"]
    assert "hidden" not in document([seed.entry()], 1, hidden=Hidden())


def test_findings_are_ordered_by_place(seed):
    """Findings come by line and column, not by rank."""
    places = [(finding["line"], finding["column"]) for finding in document([seed.entry()], 1)["findings"]]

    assert [(5, 17), (5, 56), (6, 41), (7, 23)] == places


def test_a_finding_in_full(analysed):
    """Lines and columns count from 1, ends are exclusive, and nothing is left out."""
    program = analysed("a = f(x)\n", "net.ipynb", cell=3)
    program.find("some-rule", "f(x)", "wrong", fixes=(program.fix("Repair", "safe", ("x", "y")),), fingerprint="f0")

    place = {"file": "net.ipynb", "cell": 3, "line": 1, "column": 5, "end_line": 1, "end_column": 9}
    expected = {
        **place,
        "rule": "some-rule",
        "code": "TL701",
        "category": "shape",
        "severity": "warning",
        "rank": 10,
        "url": "docs/rules/some-rule.md",
        "message": "wrong",
        "cell_id": None,
        "trace": [],
        "world": None,
        "assumed": [],
        "suppressed": None,
        "fixes": [
            {"title": "Repair", "safety": "safe", "edits": [{**place, "column": 7, "end_column": 8, "text": "y"}]}
        ],
        "evidence": {"available": [], "result": None},
        "fingerprint": "f0",
    }

    assert [expected] == document([program.entry()], 1)["findings"]


def test_empty_document():
    """Without findings all lists are there and empty."""
    expected = {
        "schema_version": 1,
        "trainlint": __version__,
        "files_checked": 0,
        "models": [],
        "findings": [],
        "notices": [],
    }

    assert expected == document([], 0)


def test_undecodable_names_can_be_written(analysed):
    """A file name that is no valid text is escaped, so that any stream can carry the document."""
    program = analysed("a\n", "caf\udce9.py").find("some-rule", "a", "é")

    assert render([program.entry()], 1).isascii()
