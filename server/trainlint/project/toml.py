"""TOML files, read with what the standard library or `tomli` brings, imported only when there is one to read."""

from __future__ import annotations

import sys
from typing import Any


def parse_toml(data: bytes) -> dict[str, Any]:
    """The tables of a TOML file; raises ValueError with one line that says what is wrong."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def tool_table(data: bytes) -> dict[str, Any] | None:
    """The table `[tool.trainlint]`, None if there is none; raises ValueError if it is there and cannot be read."""
    # Most projects do not configure trainlint: this spares them the parser.
    if b"trainlint" not in data:
        return None
    tool = parse_toml(data).get("tool")
    table = tool.get("trainlint") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ValueError("tool.trainlint must be a table")
    return table
