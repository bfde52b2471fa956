"""What the formats for reviews have to look like, written down from their documentation.

Stricter than the public schemas: nothing is allowed that we do not mean to write.
The public schemas themselves are checked against as well (`tests/report/test_public_schemas.py`).
"""

from __future__ import annotations

from typing import Any


def record(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object with these properties and no others."""
    properties = {**required, **optional}
    return {"type": "object", "required": sorted(required), "properties": properties, "additionalProperties": False}


def items(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": schema, **more}


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
MESSAGE = record({"text": TEXT})

# SARIF 2.1.0, OASIS Standard with Errata 01: sections 3.4 (artifactLocation), 3.13 (log) to 3.57 (replacement).
URI = {"type": "string", "pattern": "^(file:///|(?!/)(?![a-z]+:))[A-Za-z0-9._~/@%:-]*$"}
ARTIFACT = {
    "oneOf": [
        record({"uri": {**URI, "not": {"pattern": "^file:"}}, "uriBaseId": {"const": "SRCROOT"}}),
        record({"uri": {**URI, "pattern": "^file:///"}}),
    ]
}
REGION = record({"startLine": COUNT}, endLine=COUNT, startColumn=COUNT, endColumn=COUNT)
PHYSICAL = record({"artifactLocation": ARTIFACT}, region=REGION)
LOGICAL = items(record({"name": TEXT, "kind": TEXT}))
LEVEL = {"enum": ["error", "warning", "note"]}
REPLACEMENT = record({"deletedRegion": REGION, "insertedContent": record({"text": {"type": "string"}})})
RESULT = record(
    {
        "ruleId": {"type": "string", "pattern": r"^TL\d{3}$"},
        "level": LEVEL,
        "rank": {"type": "number", "minimum": 0, "maximum": 100},
        "message": MESSAGE,
        "locations": items(record({"physicalLocation": PHYSICAL}, logicalLocations=LOGICAL), minItems=1, maxItems=1),
        "partialFingerprints": record({"primaryLocationLineHash": TEXT, "trainlint/v1": TEXT}),
        "properties": record({"rule": TEXT, "category": TEXT, "world": {}, "assumed": {}, "evidence": {}}),
    },
    ruleIndex={"type": "integer", "minimum": 0},
    relatedLocations=items(
        record({"id": COUNT, "physicalLocation": PHYSICAL, "message": MESSAGE}, logicalLocations=LOGICAL), minItems=1
    ),
    fixes=items(
        record(
            {
                "description": MESSAGE,
                "artifactChanges": items(
                    record({"artifactLocation": ARTIFACT, "replacements": items(REPLACEMENT, minItems=1)}), minItems=1
                ),
            }
        ),
        minItems=1,
    ),
)
RULE = record(
    {
        "id": {"type": "string", "pattern": r"^TL\d{3}$"},
        "name": TEXT,
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": record({"text": TEXT, "markdown": TEXT}),
        "defaultConfiguration": record({"level": LEVEL}),
        "properties": record({"category": TEXT, "tags": items(TEXT, uniqueItems=True)}),
    }
)
NOTIFICATION = record(
    {"descriptor": record({"id": TEXT}), "level": LEVEL, "message": MESSAGE},
    locations=items(record({"physicalLocation": PHYSICAL})),
)
RUN = record(
    {
        "tool": record(
            {
                "driver": record(
                    {"name": {"const": "trainlint"}, "version": TEXT, "semanticVersion": TEXT, "rules": items(RULE)}
                )
            }
        ),
        "automationDetails": record({"id": {"type": "string", "pattern": "/$"}}),
        "columnKind": {"const": "unicodeCodePoints"},
        "originalUriBaseIds": record(
            {"SRCROOT": record({"uri": {"type": "string", "pattern": "^file:///.*/$"}, "description": MESSAGE})}
        ),
        "invocations": items(
            record({"executionSuccessful": {"type": "boolean"}, "toolExecutionNotifications": items(NOTIFICATION)})
        ),
        "results": items(RESULT),
    }
)
SARIF = record({"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": items(RUN, minItems=1, maxItems=1)})

# GitLab, "Code Quality report format": all of these are required, and fingerprints are unique in a report.
GITLAB = items(
    record(
        {
            "description": TEXT,
            "check_name": TEXT,
            "fingerprint": TEXT,
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": record(
                {
                    "path": {"type": "string", "pattern": r"^(?!\./)[^\\]+$"},
                    "lines": record({"begin": COUNT, "end": COUNT}),
                }
            ),
        }
    )
)

# reviewdog's proto/rdf/reviewdog.proto: columns count bytes, and end is exclusive.
POSITION = record({"line": COUNT}, column=COUNT)
RANGE = record({"start": POSITION, "end": POSITION})
LOCATION = record({"path": TEXT, "range": RANGE})
RDJSON = record(
    {
        "source": record({"name": {"const": "trainlint"}}),
        "diagnostics": items(
            record(
                {
                    "message": TEXT,
                    "location": LOCATION,
                    "severity": {"enum": ["ERROR", "WARNING", "INFO"]},
                    "code": record({"value": TEXT}),
                },
                suggestions=items(record({"range": RANGE, "text": {"type": "string"}}), minItems=1),
                related_locations=items(record({"message": TEXT, "location": LOCATION}), minItems=1),
            )
        ),
    }
)

# Jenkins' junit-10.xsd: the attributes of each element, required ones first; then what may stand in it.
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"time"}, {"testcase"}),
    "testcase": ({"name"}, {"classname", "time"}, {"failure", "error", "skipped", "system-out"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
