"""Reads the tables: JSON files, one per library and namespace, loaded when a name in them is asked for.

An entry is one string: kind, canonical name where it is another one, signature, base class.

    "matmul": "f(a; b; transpose_a=false; name=null)"
    "nn.sigmoid": "=tf.sigmoid"                              the same function
    "Sequential": "c(layers=null; name=null)<keras.Model"    its other methods are those of keras.Model
    "reduce_mean": "ftf.reduce_mean(...)"                    the same operation, another signature

Kinds: f function, c class, v value, m module, = alias.
Defaults are JSON; `t[...]` is a tuple, `@tf.float32` a reference.
`tools/generate_api_tables.py` writes them.
"""

from __future__ import annotations

import json
import os

from trainlint.tfapi.symbols import REQUIRED, Parameter, Ref, Signature

_FOLDER = os.path.join(os.path.dirname(__file__), "tables")
_KINDS = {"f": "function", "c": "class", "v": "value", "m": "module", "=": "alias"}

_listings: dict[str, frozenset[str]] = {}
_shards: dict[tuple[str, str], dict[str, str]] = {}
_signatures: dict[str, Signature] = {}


class Entry:
    """One line of a table, read."""

    __slots__ = ("base", "canonical", "kind", "parameters")

    def __init__(self, text: str) -> None:
        self.kind = _KINDS[text[0]]
        head, bracket, tail = text[1:].partition("(")
        self.parameters: str | None = None
        if bracket:
            self.parameters, _, tail = tail.rpartition(")")
            self.base = tail[1:]
        else:
            head, _, self.base = head.partition("<")
        self.canonical = head


def shards(table: str) -> frozenset[str]:
    """The namespaces that have a file of their own in a table."""
    known = _listings.get(table)
    if known is None:
        try:
            files = os.listdir(os.path.join(_FOLDER, table))
        except OSError:
            files = []
        known = _listings[table] = frozenset(f[:-5] for f in files if f.endswith(".json"))
    return known


def find(table: str, name: str) -> Entry | None:
    """The entry of a name, relative to the root of its library, or None."""
    first, _, rest = name.partition(".")
    shard = first if rest and first in shards(table) else "_"
    text = _load(table, shard).get(rest if shard != "_" else name)
    return None if text is None else Entry(text)


def has_below(table: str, name: str) -> bool:
    """Whether the table holds names below this one."""
    first, dot, rest = name.partition(".")
    if first not in shards(table):
        return False
    prefix = rest + dot
    return not prefix or any(known.startswith(prefix) for known in _load(table, first))


def signature(parameters: str) -> Signature:
    """The signature that an entry holds as text."""
    known = _signatures.get(parameters)
    if known is None:
        known = _signatures[parameters] = Signature(tuple(_parameters(parameters)))
    return known


def names(table: str) -> list[str]:
    """All names of a table: for tests and generators, it loads every file."""
    found = []
    for shard in sorted(shards(table)):
        prefix = "" if shard == "_" else f"{shard}."
        found += [prefix + name for name in _load(table, shard)]
    return found


def made_from(table: str) -> str:
    """The versions of the libraries that a table was generated from."""
    with open(os.path.join(_FOLDER, table, "_.json"), encoding="utf-8") as file:
        return str(json.load(file)["made_from"])


def _load(table: str, shard: str) -> dict[str, str]:
    key = (table, shard)
    if key not in _shards:
        if shard in shards(table):
            with open(os.path.join(_FOLDER, table, f"{shard}.json"), encoding="utf-8") as file:
                _shards[key] = json.load(file)["names"]
        else:
            _shards[key] = {}
    return _shards[key]


def _parameters(text: str) -> list[Parameter]:
    parameters = []
    keyword = False
    for part in text.split("; ") if text else ():
        name, equals, default = part.partition("=")
        if name == "*":
            keyword = True
        elif name.startswith("**"):
            parameters.append(Parameter(name[2:], "double-star"))
        elif name.startswith("*"):
            parameters.append(Parameter(name[1:], "star"))
            keyword = True
        else:
            kind = "keyword" if keyword else "positional"
            parameters.append(Parameter(name, kind, _default(default) if equals else REQUIRED))
    return parameters


def _default(text: str) -> object:
    if text.startswith("@"):
        return Ref(text[1:])
    if text.startswith("t["):
        return _tuple(json.loads(text[1:].replace("t[", "[")))
    return json.loads(text.replace("t[", "["))


def _tuple(items: list[object]) -> tuple[object, ...]:
    return tuple(_tuple(item) if isinstance(item, list) else item for item in items)
