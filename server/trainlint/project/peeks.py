"""What small files of numbers hold: shapes, types and ranges of npy, npz and csv files, read without NumPy.

Nothing is ever unpickled or run: an array of objects is no array here.
Whatever is odd about a file, it gives None and never an error.
"""

from __future__ import annotations

import array
import csv
import io
import math
import re
import struct
import sys
import zipfile
import zlib
from collections import Counter
from functools import lru_cache

from trainlint.record import Record

MAX_BYTES = 4 * 1024 * 1024
"""Of larger files only the header is read, if they have one: reading this much takes a tenth of a second."""

MAX_TEXT = 1024 * 1024
"""Text is read no further than that: it takes several times as long as bytes."""

MAX_HEADER = 10_000
"""The longest header that NumPy itself reads (`max_header_size` of numpy.load)."""

MAX_ARRAYS = 64
MAX_DISTINCT = 16


class Peeked(Record):
    """What one array or column holds; the range is None where it was not read, or where a value is no number."""

    shape: tuple[int, ...]
    dtype: str | None = None
    low: float | None = None
    high: float | None = None
    rms: float | None = None
    values: tuple[float, ...] | None = None


class Table(Record):
    """The lines of a text file, as fields; None of them is known to be a header."""

    lines: tuple[tuple[str, ...], ...]


# Arrays ---------------------------------------------------------------------------------------------------------------

_MAGIC = b"\x93NUMPY"
# NumPy always writes the three keys in this order. A pattern cannot be made to recurse, as `ast.literal_eval` can.
_HEADER = re.compile(
    r"\{'descr': '([<>|=])([a-z])(\d{1,2})', 'fortran_order': (?:True|False), 'shape': \(([\d, ]{0,200})\), *\}\s*"
)
_CODES = {
    "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "b1": "B",
}  # fmt: skip
_KINDS = {"f": "float", "i": "int", "u": "uint", "b": "bool"}


@lru_cache(maxsize=8)
def read_npy(data: bytes, size: int) -> Peeked | None:
    """The array of an npy file of `size` bytes that begins with `data`."""
    if data[:6] != _MAGIC or len(data) < 12:
        return None
    wide = data[6] in (2, 3)
    if data[6] not in (1, 2, 3):
        return None
    start = 12 if wide else 10
    length = struct.unpack_from("<I" if wide else "<H", data, 8)[0]
    if length > MAX_HEADER or len(data) < start + length:
        return None
    match = _HEADER.fullmatch(data[start : start + length].decode("latin-1"))
    if match is None:
        return None
    order, kind, width, axes = match.groups()
    shape = _shape(axes)
    code = _CODES.get(kind + width)
    if shape is None or kind not in _KINDS or (code is None and kind + width != "f2"):
        return None
    number = math.prod(shape)
    if number * int(width) != size - start - length:
        return None
    dtype = "bool" if kind == "b" else f"{_KINDS[kind]}{int(width) * 8}"
    if code is None or len(data) < size or not number:
        return Peeked(shape, dtype)
    numbers = array.array(code, data[start + length :])
    if order not in "|=" and (order == "<") != (sys.byteorder == "little"):
        numbers.byteswap()
    return _measured(shape, dtype, numbers)


def _shape(text: str) -> tuple[int, ...] | None:
    parts = [part.strip() for part in text.split(",")]
    kept = [part for part in parts if part]
    if len(kept) > 32 or any(not part.isdecimal() or len(part) > 12 for part in kept):
        return None
    return tuple(int(part) for part in kept)


def _measured(shape: tuple[int, ...], dtype: str | None, numbers: array.array[int] | array.array[float]) -> Peeked:
    """The range of the numbers, unless one of them is none."""
    # Bytes are many and take few values.
    counts = Counter(numbers) if numbers.itemsize == 1 else None
    low, high = (min(counts), max(counts)) if counts is not None else (min(numbers), max(numbers))
    # A sum shows a NaN, which comparing does not.
    if not all(map(math.isfinite, (low, high, sum(numbers) if counts is None else 0.0))):
        return Peeked(shape, dtype)
    largest = max(abs(low), abs(high))
    pairs = counts.items() if counts is not None else ((x, 1) for x in numbers)
    squares = sum((x / largest) ** 2 * times for x, times in pairs) if largest else 0.0
    rms = math.sqrt(squares / len(numbers)) * largest
    distinct = set(counts if counts is not None else numbers[: MAX_DISTINCT * 4])
    if counts is None and len(distinct) <= MAX_DISTINCT:
        distinct = set(numbers)
    values = tuple(sorted(map(float, distinct))) if len(distinct) <= MAX_DISTINCT else None
    return Peeked(shape, dtype, float(low), float(high), rms, values)


@lru_cache(maxsize=8)
def read_npz(data: bytes) -> tuple[tuple[str, Peeked], ...] | None:
    """The arrays of an npz file by their names; arrays that cannot be read are left out."""
    found = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_ARRAYS or sum(member.file_size for member in members) > 4 * MAX_BYTES:
                return None
            for member in members:
                # The size that is stated may be a lie; no more than that is read.
                with archive.open(member) as file:
                    content = file.read(min(member.file_size, MAX_BYTES))
                peeked = read_npy(content, member.file_size)
                if peeked is not None and member.filename.endswith(".npy"):
                    found.append((member.filename[:-4], peeked))
    except (OSError, ValueError, RuntimeError, EOFError, LookupError, zipfile.BadZipFile, zlib.error, struct.error):
        return None
    return tuple(found)


# Text -----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def read_table(data: bytes, delimiter: str | None = ",", comments: str | None = None) -> Table | None:
    """The lines of a text file that is not empty and has the same number of fields in each."""
    if len(data) > MAX_TEXT:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    if delimiter is None or comments:
        kept = (line.split(comments)[0] if comments else line for line in text.splitlines())
        rows = [line.split(delimiter) for line in kept if line.strip()]
    else:
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        except (csv.Error, TypeError, ValueError):
            return None
    if not rows or len({len(row) for row in rows}) != 1:
        return None
    return Table(tuple(tuple(field.strip() for field in row) for row in rows))


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


def measure(fields: list[str], shape: tuple[int, ...]) -> Peeked:
    """What fields of a text hold, if all of them are numbers."""
    if not fields or not all(_NUMBER.fullmatch(field) and len(field) < 40 for field in fields):
        return Peeked(shape)
    whole = all(field.lstrip("+-").isdecimal() for field in fields)
    return _measured(shape, "int64" if whole else "float64", array.array("d", map(float, fields)))
