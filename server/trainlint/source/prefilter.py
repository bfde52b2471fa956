"""Which files are worth a parser: a look at the bytes before anything expensive is imported."""

from __future__ import annotations

_WORDS = (b"keras", b"tensorflow")
# A word in UTF-16 of either byte order: the big-endian form holds the little-endian one without its last NUL.
_WIDE_WORDS = tuple(word.decode().encode("utf-16-le")[:-1] for word in _WORDS)


def may_concern(data: bytes) -> bool:
    """False if the file cannot name TensorFlow or Keras.

    A module that gets its model or tensors from elsewhere and names neither word is not seen:
    it is read when a file that imports it is.
    """
    if any(word in data for word in _WORDS):
        return True
    return b"\0" in data and any(word in data for word in _WIDE_WORDS)
