"""TOML files, read with what the standard library or `tomli` brings, imported only when there is one to read."""

from __future__ import annotations

import sys
from typing import Any

_WIDE = "trainlint".encode("utf-16-le")[:-1]
"""The word in UTF-16 of either byte order, which TOML does not allow and some editors write."""


def parse_toml(data: bytes) -> dict[str, Any]:
    """The tables of a TOML file; raises ValueError with one line that says what is wrong."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    if b"\0" in data:
        raise ValueError("not UTF-8")  # UTF-16 without its mark
    try:
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def tool_table(data: bytes) -> dict[str, Any] | None:
    """The table `[tool.trainlint]`, None if there is none; raises ValueError if it is there and cannot be read."""
    # Most projects do not configure trainlint: this spares them the parser.
    if b"trainlint" not in data and _WIDE not in data:
        return None
    tool = parse_toml(data).get("tool", {})
    if not isinstance(tool, dict):
        raise ValueError("tool must be a table")
    table = tool.get("trainlint")
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ValueError("tool.trainlint must be a table")
    return table
