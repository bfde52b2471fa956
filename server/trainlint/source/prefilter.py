"""Which files are worth a parser: a look at the bytes before anything expensive is imported."""

from __future__ import annotations

_WORDS = (b"keras", b"tensorflow")
# A word in UTF-16 of either byte order: the big-endian form holds the little-endian one without its last NUL.
_WIDE_WORDS = tuple(word.decode().encode("utf-16-le")[:-1] for word in _WORDS)

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
# All but tab, line feed, vertical tab, form feed, carriage return, end of file and escape, which old sources hold.
_CONTROL = bytes((*range(9), *range(14, 26), *range(28, 32), 127))
NULS_OF_BINARY = 100
"""One NUL in so many bytes makes a file binary; a single stray NUL in a source file does not."""


def may_concern(data: bytes) -> bool:
    """False if the file cannot name TensorFlow or Keras.

    A module that gets its model or tensors from elsewhere and names neither word is not seen:
    it is read when a file that imports it is.
    """
    if any(word in data for word in _WORDS):
        return True
    return b"\0" in data and any(word in data for word in _WIDE_WORDS)


def is_binary(data: bytes) -> bool:
    """Whether bytes that name nothing of interest are no text at all: an image, a library, random bytes.

    Python text is UTF-8, marked UTF-16 or an older encoding, and none of them has control characters in it.
    """
    if data.startswith(_WIDE_MARKS):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return len(data) > len(data.translate(None, _CONTROL))
    return data.count(0) * NULS_OF_BINARY > len(data)


def is_notebook(data: bytes) -> bool:
    """Whether a text without a name is a notebook: a JSON object with cells."""
    start = data.lstrip()[:1]
    if start != b"{" or (b'"cells"' not in data and b'"worksheets"' not in data):
        return False
    import json

    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document.get("cells", document.get("worksheets")), list)
