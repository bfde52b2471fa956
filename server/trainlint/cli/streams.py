"""Where output goes: standard streams, their colours and their width."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from errno import EBADF
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.report.terminal import Style

NARROW, WIDE = 40, 120
"""Wider lines are hard to read; below the narrow width nothing can be laid out."""

UNLIMITED = 10_000

PIPE_WIDTH = 100
"""The width where nobody has one: pipes, files, logs of CI."""


class OutputError(Exception):
    """Nothing more can be written to a standard stream; the text says why."""


class OutputClosed(OutputError):
    """Whoever read a standard stream has enough."""


def error_line(message: str) -> None:
    """Prints one line on stderr that says what went wrong, if stderr takes it."""
    try:
        write([f"trainlint: error: {' '.join(message.split())}"], sys.stderr)
    except OutputError:
        # The exit status is all that is left to tell it.
        discard(sys.stderr)


def write(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Prints lines; what the stream's encoding does not have is shown as escapes, never an exception."""
    stream = sys.stdout if stream is None else stream
    for line in lines:
        write_text(f"{line}\n", stream)


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Prints text as it is; raises OutputError if the stream does not take it."""
    stream = sys.stdout if stream is None else stream
    with _output_errors(stream):
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def write_bytes(data: bytes) -> None:
    """Writes bytes to stdout, unchanged."""
    with _output_errors(sys.stdout):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def flush(stream: TextIO | None = None) -> None:
    """Sends what was printed on its way; raises OutputError if it cannot get there."""
    stream = sys.stdout if stream is None else stream
    with _output_errors(stream):
        stream.flush()


def read_input() -> bytes:
    """All of the standard input; raises OSError if there is none."""
    # Python has no stream where the process got none.
    if sys.stdin is None:
        raise OSError(EBADF, "it is closed")
    return sys.stdin.buffer.read()


@contextmanager
def _output_errors(stream: TextIO | None) -> Iterator[None]:
    """Turns what can go wrong with a standard stream into OutputError."""
    if stream is None:
        raise OutputError("it is closed")
    try:
        yield
    except BrokenPipeError as error:
        raise OutputClosed(error.strerror or "") from error
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from error


def discard(stream: TextIO | None) -> None:
    """Lets what is left in a stream go nowhere: Python would complain about it at the end."""
    if stream is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
    return Style(has_colour(stream), max(NARROW, min(width, WIDE)), has_blocks(stream))


def plain_style() -> Style:
    """How to render for a file: without colours, as wide as a pipe."""
    from trainlint.report.terminal import Style

    return Style(False, PIPE_WIDTH)


def has_blocks(stream: TextIO) -> bool:
    """Whether a stream can carry the characters that small curves are drawn with."""
    try:
        "▁█".encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
