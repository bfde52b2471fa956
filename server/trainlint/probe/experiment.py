"""The experiment that a worker runs, as plain data; docs/probe-format.md describes it."""

from __future__ import annotations

from typing import Any

VERSION = 1

AS_WRITTEN = "as written"
ALL_REPAIRED = "all repaired"

Json = dict[str, Any]


def patch_of(before: Json, after: Json) -> Json:
    """The JSON merge patch (RFC 7396) that makes one object of another; neither may hold null but inside lists."""
    patch: Json = {}
    for key in before:
        if key not in after:
            patch[key] = None
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif before[key] != value or type(before[key]) is not type(value):
            old = before[key]
            patch[key] = patch_of(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return patch


def patched(before: Json, patch: Json) -> Json:
    """The object that a merge patch makes of another; both stay as they are."""
    result = dict(before)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = patched(old if isinstance(old, dict) else {}, value)
        else:
            result[key] = value
    return result
