"""What the HTML pages share: a head that allows nothing but the page itself, and safe text."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from trainlint.report.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.report.schema import FindingEntry

_CODE = re.compile(r"`([^`\n]+)`")


def head(title: str, style: str) -> Iterator[str]:
    """The lines up to the body of a page that runs no script and loads nothing."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{text(title)}</title>"
    yield f"<style>{style}</style>"
    yield "</head>"


def text(value: str) -> str:
    """Text of anybody as HTML: safe in elements and attributes."""
    return escape(plain(value), quote=True)


def prose(value: str) -> str:
    """Text in which backticks set code off."""
    return _CODE.sub(r"<code>\1</code>", text(value))


def source_line(finding: FindingEntry) -> str:
    """The line of a finding with its place marked; "" where it is not known."""
    for line in finding["lines"]:
        if (line["file"], line["cell"], line["line"]) == (finding["file"], finding["cell"], finding["line"]):
            break
    else:
        return ""
    shown = line["text"].rstrip("\r\n")
    start = finding["column"] - 1
    end = finding["end_column"] - 1 if finding["end_line"] == finding["line"] else len(shown)
    marked = f"{text(shown[:start].lstrip())}<mark>{text(shown[start:end])}</mark>{text(shown[end:])}"
    return f'<span class="number">{line["line"]}</span> <code>{marked}</code>'
