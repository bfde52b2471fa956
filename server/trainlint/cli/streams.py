"""Where output goes: standard streams, their colours and their width."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainlint.report.terminal import Style

NARROW, WIDE = 40, 120
"""Wider lines are hard to read; below the narrow width nothing can be laid out."""

UNLIMITED = 10_000

PIPE_WIDTH = 100
"""The width where nobody has one: pipes, files, logs of CI."""


def error_line(message: str) -> None:
    """Prints one line on stderr that says what went wrong."""
    write([f"trainlint: error: {' '.join(message.split())}"], sys.stderr)


def write(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Prints lines; what the stream's encoding does not have is shown as escapes, never an exception."""
    stream = sys.stdout if stream is None else stream
    for line in lines:
        write_text(f"{line}\n", stream)


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Prints text as it is."""
    stream = sys.stdout if stream is None else stream
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def write_bytes(data: bytes) -> None:
    """Writes bytes to stdout, unchanged."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def has_colour(stream: TextIO) -> bool:
    """Whether a stream gets colours: a terminal does, unless the environment decides (NO_COLOR, FORCE_COLOR)."""
    # As in no-color.org and force-color.org: an empty value counts as not set.
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def table_style_of(stream: TextIO) -> Style:
    """How to render tables for a stream: where nobody looks, nothing is cut."""
    style = style_of(stream)
    return style if stream.isatty() else style.narrower(-UNLIMITED)


def style_of(stream: TextIO) -> Style:
    """How to render for a stream."""
    from shutil import get_terminal_size

    from trainlint.report.terminal import Style

    width = get_terminal_size((PIPE_WIDTH, 24)).columns if stream.isatty() else PIPE_WIDTH
    return Style(has_colour(stream), max(NARROW, min(width, WIDE)))
