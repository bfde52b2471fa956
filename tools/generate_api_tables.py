"""Writes the tables of `trainlint.tfapi` from the installed TensorFlow, Keras 3, tf_keras and numpy.

    python tools/generate_api_tables.py

The interpreter that runs it needs tensorflow, keras (3), tf_keras and numpy.
What cannot be installed side by side with them (tf.contrib, TensorFlow 0.x, old Keras) or is only of interest
in a few names (scikit-learn, the standard library) comes from the lists in `tools/api_lists/`.
Running it twice writes the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import enum
import importlib
import inspect
import json
import os
import shutil
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api_choices import (
    DEEPEST,
    IDENTIFIERS,
    KERAS_CLASSES,
    KERAS_IN_TF2,
    KERAS_NAMESPACES,
    NP_CLASSES,
    PREFERRED,
    SKIPPED_IN_KERAS,
    SKIPPED_IN_NUMPY,
    SKIPPED_IN_TF,
    STANDARD,
    TF_CLASSES,
    TF_NAMESPACES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# `tf.layers` and `tf.nn.rnn_cell` of compat.v1 only exist on top of Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "tools" / "api_lists"
TABLES = ROOT / "server" / "trainlint" / "tfapi" / "tables"

SEPARATOR = "; "
OPAQUE = "@"


class Entry:
    """One public name: what it is, the name it stands for, its signature."""

    def __init__(self, kind: str, canonical: str, signature: str | None = None, base: str = "") -> None:
        self.kind = kind
        self.canonical = canonical
        self.signature = signature
        self.base = base

    def text(self, name: str) -> str:
        canonical = "" if self.canonical == name else self.canonical
        signature = "" if self.signature is None else f"({self.signature})"
        base = f"<{self.base}" if self.base else ""
        return f"{self.kind}{canonical}{signature}{base}"


Table = dict[str, Entry]


def public_names(module: Any, prefix: str = "", skipped: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The public names below a module and what they stand for, modules included."""
    for name in sorted(dir(module)):
        if name.startswith("_") or prefix + name in skipped:
            continue
        try:
            value = getattr(module, name)
        except Exception:
            # Lazily loaded parts of an installation can be missing.
            continue
        if not isinstance(value, types.ModuleType):
            yield prefix + name, value
        elif is_public(value.__name__) and prefix.count(".") < DEEPEST:
            yield prefix + name, value
            yield from public_names(value, f"{prefix}{name}.", skipped)


def is_public(module: str) -> bool:
    """Whether a module is part of a public namespace, not an implementation that one of them imports."""
    parts = module.split(".")
    if parts[0] in ("tensorflow", "tf_keras"):
        return len(parts) > 1 and parts[1] in ("_api", "api", "compat")
    return parts[0] in ("keras", "numpy") and "src" not in parts


def kind_of(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return "m"
    if isinstance(value, type):
        return "c"
    return "f" if callable(value) and type(value).__name__ != "DType" else "v"


class Namer:
    """Chooses the canonical name of each object of one library and answers what an object is called."""

    def __init__(self, root: str, namespaces: tuple[str, ...], preferred: tuple[str, ...], exported: str = "") -> None:
        self.root = root
        self.exported = exported
        self.namespaces = namespaces
        self.preferred = preferred
        self.of_object: dict[int, str] = {}
        self.of_name: dict[str, str] = {}
        self.kept: list[Any] = []

    def rank(self, name: str, own: str) -> tuple[Any, ...]:
        namespace, _, last = name.rpartition(".")
        order = self.namespaces.index(namespace) if namespace in self.namespaces else len(self.namespaces)
        deprecated = "experimental" in name or "legacy" in name
        return name not in self.preferred, deprecated, name.count("."), last != own, order, len(name), name

    def add(self, names: dict[str, Any], newer: Namer | None = None, foreign: tuple[str, ...] = ()) -> None:
        """Names the objects; where a newer library knows one of the names, its canonical name wins."""
        groups: dict[Any, list[str]] = {}
        for name, value in names.items():
            if kind_of(value) in "fc" or type(value).__name__ == "DType":
                groups.setdefault(self.identity(value), []).append(name)
                self.kept.append(value)
            else:
                self.of_name.setdefault(name, f"{self.root}.{name}")
        for group in groups.values():
            own = getattr(names[group[0]], "__name__", "")
            own = own.removesuffix("_v2").removesuffix("_v1")
            choices = group
            if newer is not None:
                known = [newer.of_name[n] for n in group if n in newer.of_name and n.split(".")[0] not in foreign]
                choices = [n.partition(".")[2] for n in known if n.startswith(self.root + ".")] or group
            best = min(choices, key=lambda n: self.rank(n, own))
            canonical = f"{self.root}.{best}"
            for name in group:
                self.of_object.setdefault(id(names[name]), canonical)
                self.of_name.setdefault(name, canonical)

    def identity(self, value: Any) -> Any:
        """The same for two objects that are one operation.

        A deprecated name of TensorFlow 1 (`tf.log`) is a wrapper of its own; both carry the list of all their names.
        """
        known = vars(value).get(self.exported) if self.exported and hasattr(value, "__dict__") else None
        return tuple(known) if known else id(value)


class Reader:
    """Reads signatures and writes them in the notation of the tables."""

    def __init__(self) -> None:
        self.namers: list[Namer] = []

    def name_of(self, value: Any) -> str | None:
        for namer in self.namers:
            if id(value) in namer.of_object:
                return namer.of_object[id(value)]
        return None

    def default(self, value: Any) -> str:
        import numpy as np

        if isinstance(value, enum.Enum):
            owner = self.name_of(type(value))
            return f"@{owner}.{value.name}" if owner else OPAQUE
        if value is None or isinstance(value, (bool, int, float, str)):
            return json.dumps(value)
        if isinstance(value, (tuple, list)):
            items = [self.default(item) for item in value]
            if any(item.startswith(OPAQUE) for item in items):
                return OPAQUE
            return ("t" if isinstance(value, tuple) else "") + "[" + ",".join(items) + "]"
        if isinstance(value, dict) and not value:
            return "{}"
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return f"@np.{np.dtype(value).name}"
        if isinstance(value, type) and value.__module__ == "builtins":
            return f"@{value.__name__}"
        if type(value).__name__ == "DType":
            return f"@tf.{value.name}"
        return f"@{self.name_of(value) or ''}"

    def parameters(self, signature: inspect.Signature, bound: bool) -> str:
        parts = []
        starred = False
        for parameter in list(signature.parameters.values())[1 if bound else 0 :]:
            text = parameter.name
            if parameter.kind is parameter.VAR_POSITIONAL:
                text, starred = f"*{text}", True
            elif parameter.kind is parameter.VAR_KEYWORD:
                text = f"**{text}"
            elif parameter.kind is parameter.KEYWORD_ONLY and not starred:
                parts.append("*")
                starred = True
            if parameter.default is not parameter.empty:
                default = self.default(parameter.default)
                assert SEPARATOR not in default, default
                text += f"={default}"
            parts.append(text)
        return SEPARATOR.join(parts)

    def signature(self, value: Any, bound: bool = False) -> str | None:
        """The parameters of a callable, of a class those of its constructor; None when they cannot be known."""
        if isinstance(value, type):
            if "google" in getattr(value, "__module__", "") or hasattr(value, "DESCRIPTOR"):
                return None
            if issubclass(value, enum.Enum):
                return "value"
            # A mixin that only passes its arguments on says nothing; the class after it does.
            inits = [
                vars(c)["__init__"] for c in value.__mro__ if isinstance(vars(c).get("__init__"), types.FunctionType)
            ]
            if inits:
                told = [init for init in inits if not is_generic(inspect.signature(init), 1)]
                return self.signature((told or inits)[0], bound=True)
        try:
            found = inspect.signature(value)
        except (TypeError, ValueError):
            return self.documented(value, bound)
        inner = getattr(value, "__wrapped__", None)
        if is_generic(found) and inner is not None and inner is not value:
            return self.signature(inner, bound)
        written = self.parameters(found, bound)
        # What a decorator takes out of the keywords stands in no signature.
        decorator = getattr(getattr(value, "_tf_decorator", None), "decorator_name", None)
        return SEPARATOR.join(filter(None, (written, "mesh=null"))) if decorator == "inject_mesh" else written

    def documented(self, value: Any, bound: bool) -> str | None:
        """The parameters from the first line of the documentation, as compiled functions give them."""
        lines = (getattr(value, "__doc__", None) or "").strip().splitlines()
        for line in lines[:3]:
            _, bracket, rest = line.strip().partition("(")
            if not bracket:
                continue
            inside = rest.partition(" -> ")[0].strip().removesuffix(")")
            for clean in (inside, inside.replace("[", "").replace("]", "")):
                try:
                    return listed_parameters(clean.replace("...", "None"))
                except (SyntaxError, AssertionError):
                    continue
        return None


def is_generic(signature: inspect.Signature, skipped: int = 0) -> bool:
    """Whether there is only `*args, **kwargs`; no parameters at all is not generic."""
    kinds = [p.kind for p in list(signature.parameters.values())[skipped:]]
    return bool(kinds) and set(kinds) == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def listed_parameters(text: str) -> str:
    """The notation of the tables for the parameters of a Python `def`; dotted defaults become references."""
    arguments = ast.parse(f"def f({text}): pass").body[0].args  # type: ignore[attr-defined]

    def default(node: ast.expr | None) -> str:
        if node is None:
            return ""
        if isinstance(node, (ast.Attribute, ast.Name)):
            return f"=@{ast.unparse(node)}"
        if isinstance(node, ast.Call):
            return "=@"
        value = ast.literal_eval(node)
        return "=" + Reader().default(value)

    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    parts = [a.arg + default(d) for a, d in zip(plain, defaults)]
    if arguments.vararg:
        parts.append(f"*{arguments.vararg.arg}")
    elif arguments.kwonlyargs:
        parts.append("*")
    parts += [a.arg + default(d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults)]
    if arguments.kwarg:
        parts.append(f"**{arguments.kwarg.arg}")
    return SEPARATOR.join(parts)


def build(names: dict[str, Any], namer: Namer, reader: Reader, classes: tuple[str, ...]) -> Table:
    """The table of one library: every public name, and the methods of the classes that programs use."""
    table: Table = {}
    chosen = {namer.of_name[c]: names[c] for c in classes if c in names}
    for name, value in names.items():
        canonical = namer.of_name[name]
        full = f"{namer.root}.{name}"
        kind = kind_of(value)
        if canonical != full and canonical.partition(".")[2] in names and names[canonical.partition(".")[2]] is value:
            table[name] = Entry("=", canonical)
            continue
        base = ""
        if kind == "c":
            ancestors = value.__mro__[1:]
            found = [c for a in ancestors for c, cls in chosen.items() if cls is a]
            base = found[0] if found else ""
        table[name] = Entry(kind, canonical, reader.signature(value) if kind in "fc" else None, base)
        if kind == "c" and canonical in chosen and chosen[canonical] is value:
            table.update(members(name, value, namer, reader, [c for c in chosen.values() if c in value.__mro__[1:]]))
            if canonical != full:
                for member in [m for m in table if m.startswith(name + ".")]:
                    table[member].canonical = canonical + member.removeprefix(name)
    return table


def members(name: str, cls: type, namer: Namer, reader: Reader, above: list[type]) -> Table:
    """The public methods and properties of a class that none of the classes above it has as well."""
    table: Table = {}
    for attribute in sorted(dir(cls)):
        if attribute.startswith("_") and attribute != "__call__":
            continue
        try:
            static = inspect.getattr_static(cls, attribute)
            value = getattr(cls, attribute)
        except AttributeError:
            continue
        if any(
            getattr(a, attribute, None) is value or inspect.getattr_static(a, attribute, None) is static for a in above
        ):
            continue
        full = f"{name}.{attribute}"
        if not callable(value):
            table[full] = Entry("v", f"{namer.root}.{full}")
            continue
        bound = not isinstance(static, (staticmethod, classmethod))
        table[full] = Entry("f", f"{namer.root}.{full}", reader.signature(value, bound))
    return table


def standard_library(reader: Reader) -> Table:
    """The public names of the modules of the standard library that training scripts use."""
    table: Table = {}
    for module_name in STANDARD:
        module = importlib.import_module(module_name)
        table[module_name] = Entry("m", module_name)
        for name in sorted(getattr(module, "__all__", vars(module))):
            value = getattr(module, name)
            if name.startswith("_") or isinstance(value, types.ModuleType):
                continue
            if isinstance(value, type) and issubclass(value, BaseException):
                continue
            kind = kind_of(value)
            full = f"{module_name}.{name}"
            table[full] = Entry(kind, full, reader.signature(value) if kind in "fc" else None)
    return table


def identifiers(keras2_names: dict[str, Any], reader: Reader) -> Table:
    """What the strings stand for that Keras takes in place of an activation, a loss, an optimizer and so on."""
    table: Table = {}
    for group in IDENTIFIERS:
        known = dict(importlib.import_module(f"keras.src.{group}").ALL_OBJECTS_DICT)
        for name, value in keras2_names.items():
            namespace, _, last = name.rpartition(".")
            if namespace == group and kind_of(value) in "fc":
                known.setdefault(last, value)
                # The optimizers of Keras 2 are found by their name in lower case.
                known.setdefault(last.lower() if group == "optimizers" else last, value)
        for text, value in sorted(known.items()):
            canonical = reader.name_of(value)
            # Which metric these are depends on the loss and the shape of the output.
            dependent = group == "metrics" and text in ("accuracy", "acc", "crossentropy", "ce")
            if canonical is not None and isinstance(text, str) and not dependent:
                table[f"{group}.{text}"] = Entry("=", canonical)
    return table


def apply_list(path: Path, tables: dict[str, Table], roots: dict[str, str]) -> None:
    """Adds a hand-written list; a name that is there already is replaced.

    Lines: `table NAME`, `def a.b(x, y=1)`, `class a.B(x)`, `module a`, `value a.b`, `a.b = canonical`.
    `a.b = canonical (x, y=1)` is the same operation under another signature.
    """
    table: Table = {}
    root = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        try:
            word, _, rest = line.partition(" ")
            if word == "table":
                table, root = tables.setdefault(rest, {}), roots[rest]
                continue
            if word in ("def", "class"):
                name, _, inside = rest.partition("(")
                signature: str | None = listed_parameters(inside.rpartition(")")[0])
                base = inside.rpartition(")")[2].strip().removeprefix("<").strip()
                entry = Entry(word[0].replace("d", "f"), name, signature, base)
            elif word in ("module", "value"):
                name, entry = rest, Entry(word[0], rest)
            else:
                name, _, target = line.partition(" = ")
                canonical, _, inside = target.partition(" (")
                if inside:
                    entry = Entry("f", canonical, listed_parameters(inside.rpartition(")")[0]))
                else:
                    entry = Entry("=", canonical)
        except (SyntaxError, ValueError) as error:
            raise SystemExit(f"{path.name}:{number}: {error}: {line}") from error
        if root:
            assert name.startswith(root + "."), (path.name, number, line)
            name = name.removeprefix(root + ".")
        table[name] = entry


def shards(table: Table, root: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The table cut by its first namespace; names without one are in the shard `_`."""
    modules = {n for n, e in table.items() if e.kind in "m=" and any(o.startswith(n + ".") for o in table)}
    modules |= {n.split(".")[0] for n in table if n.count(".") >= 1 and n.split(".")[0] not in table}
    parts: dict[str, dict[str, str]] = {"_": {}}
    for name in sorted(table):
        first, _, rest = name.partition(".")
        full = f"{root}.{name}" if root else name
        text = table[name].text(full)
        if rest and first in modules:
            parts.setdefault(first, {})[rest] = text
        else:
            parts["_"][name] = text
    yield from sorted(parts.items())


def write(tables: dict[str, Table], roots: dict[str, str], made_from: str, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    total = 0
    for api, table in sorted(tables.items()):
        folder = target / api
        folder.mkdir(parents=True)
        for shard, names in shards(table, roots[api]):
            text = json.dumps(
                {"made_from": made_from, "names": names}, indent=0, separators=(",", ":"), ensure_ascii=False
            )
            (folder / f"{shard}.json").write_text(text + "\n", encoding="utf-8", newline="\n")
            total += len(text)
        print(f"{api}: {len(table)} names")
    print(f"{total} bytes")


def collect() -> tuple[dict[str, Table], str]:
    """The tables of the installed libraries, and their versions in words."""
    import keras
    import keras._tf_keras.keras as keras_in_tf
    import numpy as np
    import tensorflow as tf
    import tf_keras
    import tf_keras.api._v1.keras as keras2_v1
    from tf_keras.api._v2 import keras as keras2

    reader = Reader()

    def listed(*modules: Any, skipped: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for module in modules:
            for name, value in public_names(module, "", skipped):
                found.setdefault(name, value)
        return dict(sorted(found.items()))

    np_names = {n: v for n, v in listed(np, skipped=SKIPPED_IN_NUMPY).items() if n.count(".") <= 1}
    k3_names = listed(keras, keras_in_tf, skipped=SKIPPED_IN_KERAS)
    k2_names = listed(keras2, keras2_v1, skipped=SKIPPED_IN_KERAS)
    tf2_names = listed(tf, skipped=SKIPPED_IN_TF + KERAS_IN_TF2)
    tf1_names = listed(tf.compat.v1, skipped=SKIPPED_IN_TF)
    # The flags are a module of the implementation, so the walk does not enter it.
    tf1_names["flags"] = tf1_names["app.flags"] = tf.compat.v1.flags
    for name, value in vars(tf.compat.v1.flags).items():
        if not name.startswith("_") and kind_of(value) != "m":
            tf1_names[f"flags.{name}"] = tf1_names[f"app.flags.{name}"] = value
    tf1_names = dict(sorted(tf1_names.items()))
    for foreign in ("__version__", "python"):
        tf2_names = {n: v for n, v in tf2_names.items() if n.split(".")[0] != foreign}

    numpy = Namer("np", ("",), PREFERRED["np"])
    numpy.add(np_names)
    keras3 = Namer("keras", KERAS_NAMESPACES, PREFERRED["keras"])
    keras3.add(k3_names)
    keras2_namer = Namer("keras", KERAS_NAMESPACES, PREFERRED["keras"])
    keras2_namer.add(k2_names, newer=keras3)
    tf2 = Namer("tf", TF_NAMESPACES, PREFERRED["tf"], "_tf_api_names")
    tf2.add(tf2_names)
    tf1 = Namer("tf", TF_NAMESPACES, PREFERRED["tf"], "_tf_api_names_v1")
    tf1.add(tf1_names, newer=tf2, foreign=KERAS_IN_TF2)
    reader.namers = [tf2, tf1, keras3, keras2_namer, numpy]

    tables = {
        "numpy": build(np_names, numpy, reader, NP_CLASSES),
        "keras3": build(k3_names, keras3, reader, KERAS_CLASSES),
        "keras2": build(k2_names, keras2_namer, reader, KERAS_CLASSES),
        "tf2": build(tf2_names, tf2, reader, TF_CLASSES),
        "tf1": build(tf1_names, tf1, reader, TF_CLASSES),
    }
    tables["python"] = standard_library(reader)
    tables["identifiers"] = identifiers(k2_names, reader)
    made_from = (("tensorflow", tf), ("keras", keras), ("tf_keras", tf_keras), ("numpy", np))
    return tables, ", ".join(f"{name} {module.__version__}" for name, module in made_from)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=TABLES)
    options = arguments.parse_args()
    # The walk touches absl's flags, which would parse our own arguments.
    del sys.argv[1:]
    tables, versions = collect()
    roots = {
        "numpy": "np",
        "keras3": "keras",
        "keras2": "keras",
        "tf2": "tf",
        "tf1": "tf",
        "python": "",
        "identifiers": "",
    }
    for path in sorted(LISTS.glob("*.txt")):
        apply_list(path, tables, roots)
    write(tables, roots, versions, options.output)


if __name__ == "__main__":
    main()
