"""Markdown for the terminal: the few forms that rule pages use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.report.terminal import Style, plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADING = re.compile(r"(#+) +(.*)")
_ITEM = re.compile(r"( *)([-*]|\d+\.) +(.*)")
_CODE = re.compile(r"`([^`\n]+)`")
_INDENT = "  "


def rendered(markdown: str, style: Style) -> Iterator[str]:
    """The lines of a page: headings set off, paragraphs and lists wrapped, code as it stands."""
    paragraph: list[str] = []
    first, hanging = _INDENT, _INDENT
    in_code = False
    for line in markdown.rstrip().split("\n"):
        if line.startswith("```"):
            yield from _paragraph(paragraph, first, hanging, style)
            paragraph = []
            in_code = not in_code
            continue
        if in_code:
            yield style.paint(f"{_INDENT * 3}{plain(line)}".rstrip(), "cyan")
            continue
        heading, item = _HEADING.match(line), _ITEM.match(line)
        if line.strip() and not heading and not item:
            paragraph.append(line.strip())
            continue
        yield from _paragraph(paragraph, first, hanging, style)
        paragraph, first, hanging = [], _INDENT, _INDENT
        if heading:
            text = _without_ticks(plain(heading[2]), style)
            yield style.paint(text.upper() if len(heading[1]) == 2 else text, "bold")
        elif item:
            first = f"{_INDENT}{item[1]}{item[2]} "
            hanging = " " * len(first)
            paragraph = [item[3]]
        else:
            yield ""
    yield from _paragraph(paragraph, first, hanging, style)


def _paragraph(lines: list[str], first: str, hanging: str, style: Style) -> Iterator[str]:
    if lines:
        for line in wrapped(" ".join(lines), style.width, first, hanging):
            # Bold says that it is code; without colours the ticks have to.
            yield _CODE.sub(lambda match: style.paint(match[1], "bold"), line) if style.colour else line


def _without_ticks(text: str, style: Style) -> str:
    return _CODE.sub(r"\1", text) if style.colour else text
