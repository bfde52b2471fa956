"""The values of literals, from their spelling."""

from __future__ import annotations

import re
import unicodedata

_PREFIX = re.compile(r"[A-Za-z]*")
_ESCAPE = re.compile(
    r"\\(?:(\n)|([\\'\"abfnrtv])|([0-7]{1,3})|x([0-9A-Fa-f]{2})"
    r"|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|N\{([^}]+)\})"
)
_CHARACTERS = {
    "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip


def number(text: str) -> complex | float | int | None:
    """The value of a number literal, None if Python would not read it."""
    plain = text.replace("_", "")
    try:
        if plain[-1] in "jJ":
            return complex(0, float(plain[:-1]))
        if plain[:2].lower() in ("0x", "0o", "0b"):
            return int(plain, 0)
        if "." in plain or "e" in plain or "E" in plain:
            return float(plain)
        return int(plain, 0)
    except (ValueError, OverflowError, IndexError):
        return None


def string(text: str) -> str | bytes | None:
    """The value of a single string or bytes literal with its prefix and quotes."""
    match = _PREFIX.match(text)
    prefix = match.group().lower() if match else ""
    quotes = 3 if text[len(prefix) : len(prefix) + 3] in ('"""', "'''") else 1
    body = text[len(prefix) + quotes : -quotes]
    is_bytes = "b" in prefix
    if "\\" in body and "r" not in prefix:
        body = unescape(body, is_bytes)
    if not is_bytes:
        return body
    try:
        return body.encode("latin-1")
    except UnicodeEncodeError:
        return None


def unescape(body: str, is_bytes: bool = False) -> str:
    """The text that a literal's body stands for; an escape that Python does not know stays as it is."""

    def character(match: re.Match[str]) -> str:
        newline, simple, octal, hexadecimal, short, long, name = match.groups()
        if newline:
            return ""
        if simple:
            return _CHARACTERS[simple]
        if octal:
            return chr(int(octal, 8) & 0xFF if is_bytes else int(octal, 8))
        if hexadecimal:
            return chr(int(hexadecimal, 16))
        if is_bytes:
            return match.group()
        if name:
            try:
                return unicodedata.lookup(name)
            except KeyError:
                return match.group()
        code = int(short or long, 16)
        return chr(code) if code <= 0x10FFFF else match.group()

    return _ESCAPE.sub(character, body)
