"""From a dotted path to a symbol, its signature and where it exists."""

from __future__ import annotations

from functools import lru_cache

from trainlint.tfapi import tables
from trainlint.tfapi.names import Place, place
from trainlint.tfapi.symbols import GENERATIONS, Signature, Symbol

# What TensorFlow 2 re-exports from Keras.
_KERAS_IN_TF2 = ("losses", "metrics", "optimizers", "initializers")
_ROOTS = {"tf": ("tf1", "tf2"), "keras": ("keras2", "keras3"), "np": ("numpy",)}


@lru_cache(maxsize=4096)
def resolve(path: str, generation: str) -> Symbol | None:
    """What a dotted path (`tensorflow.compat.v1.nn.dropout`) means in a generation; None for packages without a table.

    A name that the generation does not have, but another one has, is still named: `availability` tells where it exists.
    """
    found = place(path)
    if found is None:
        return None
    found = _delegated(found, generation)
    for table in _tables(found, generation):
        name, kind = _named(table, found.root, found.rest)
        if kind:
            return Symbol(name, path, found.flavour, kind)
    return Symbol(".".join(p for p in (found.root, found.rest) if p), path, found.flavour, "unknown")


_CUSTOMARY = {"tf": "tensorflow", "np": "numpy", "tensorflow": "tensorflow", "numpy": "numpy", "keras": "keras"}


def customary(name: str) -> str | None:
    """The path that a bare name stands for by general custom, None if it has none: `tf`, `np`, `Sequential`, `Dense`.

    Code from a question or another cell often comes without its imports.
    """
    path = _CUSTOMARY.get(name)
    if path is not None or not name[:1].isupper():
        return path
    for room in ("keras.layers", "keras.models", "keras"):
        symbol = resolve(f"{room}.{name}", GENERATIONS[-1])
        if symbol is not None and symbol.kind == "class":
            return f"{room}.{name}"
    return None


def identifier(group: str, text: str, generation: str) -> Symbol | None:
    """What a string stands for that Keras takes in place of an object, or None: `identifier("losses", "mse", "2.16")`.

    The groups are "activations", "constraints", "initializers", "losses", "metrics", "optimizers" and "regularizers".
    `"accuracy"` is no name of one object: which metric it is depends on the loss and the shape of the output.
    """
    entry = tables.find("identifiers", f"{group}.{text}")
    return None if entry is None else resolve(entry.canonical, generation)


@lru_cache(maxsize=4096)
def signature(symbol: Symbol, generation: str) -> Signature | None:
    """The parameters of a function or of a class's constructor; None when the tables do not hold them."""
    found = place(symbol.path)
    if found is None:
        return None
    found = _delegated(found, generation)
    for table in _tables(found, generation):
        rest = _renewed(found, table, generation)
        for _ in range(8):
            entry, _, _ = _lookup(table, found.root, rest)
            if entry is None:
                break
            if entry.parameters is not None:
                return tables.signature(entry.parameters)
            if entry.kind != "alias":
                return None
            table, rest = _target(entry.canonical, table)
    return None


def is_v1(symbol: Symbol, generation: str) -> bool:
    """Whether the meaning of TensorFlow 1 applies: through `compat.v1` or `contrib`, or plain `tf` in generation "1.x".

    A name that only version 1 has (`tf.placeholder`, `tf.losses.sigmoid_cross_entropy`) is v1 in every generation.
    """
    if symbol.flavour in ("tf.compat.v1", "tf.contrib"):
        return True
    if symbol.flavour != "tf" or not symbol.name.startswith("tf."):
        return False
    found = place(symbol.path)
    if generation == "1.x" or found is None:
        return generation == "1.x"
    return not _named("tf2", "tf", found.rest)[1] and bool(_named("tf1", "tf", found.rest)[1])


@lru_cache(maxsize=4096)
def availability(symbol: Symbol) -> tuple[str, ...]:
    """The generations in which the path exists as written, as far as the tables tell; empty when they do not know it.

    `tf.compat.v1` is in all of them from 1.13 on. The tables hold the last release of each line, so a name that came in
    the middle of one counts for all of it.
    """
    found = place(symbol.path)
    if found is not None and found.flavour == "tf.contrib":
        # Nothing of it went on but tf_slim, a package of its own.
        return ("1.x",) if symbol.path.startswith("tensorflow") else GENERATIONS
    if found is None or symbol.kind == "unknown":
        return ()
    return tuple(g for g in GENERATIONS if _exists(found, g))


def base(symbol: Symbol, generation: str) -> str | None:
    """The canonical name of the nearest class above a class whose methods the tables list (`keras.Model`), or None."""
    found = place(symbol.path)
    if found is None:
        return None
    found = _delegated(found, generation)
    for table in _tables(found, generation):
        entry, _, _ = _lookup(table, found.root, found.rest)
        for _ in range(8):
            if entry is None or entry.kind != "alias":
                break
            table, rest = _target(entry.canonical, table)
            entry, _, _ = _lookup(table, found.root, rest)
        if entry is not None and entry.kind == "class":
            return entry.base or None
    return None


def _exists(found: Place, generation: str) -> bool:
    if found.flavour == "tf_keras":
        return bool(_named("keras2", "keras", found.rest)[1])
    if found.root == "tf" and found.flavour == "tf":
        if generation == "1.x":
            return bool(_named("tf1", "tf", found.rest)[1])
        if generation == "2.16" and found.rest.partition(".")[0] == "estimator":
            return False
    found = _delegated(found, generation)
    if found.root == "keras":
        if generation != "2.16" and found.rest.partition(".")[0] in ("ops", "random"):
            return False
        if generation == "2.16" and found.moved:
            return False
        if generation in ("1.x", "2.0") and found.rest.startswith("optimizers.legacy"):
            return False
    return bool(_named(_tables(found, generation)[0], found.root, found.rest)[1])


def _tables(found: Place, generation: str) -> tuple[str, ...]:
    """The tables to look into, the right one for the generation first."""
    if found.root == "tf":
        first = found.flavour in ("tf.compat.v1", "tf.contrib") or (generation == "1.x" and found.flavour == "tf")
        return ("tf1", "tf2") if first else ("tf2", "tf1")
    if found.root == "keras":
        return ("keras3", "keras2") if generation == "2.16" and found.flavour != "tf_keras" else ("keras2", "keras3")
    return _ROOTS.get(found.root, ("python",))


def _delegated(found: Place, generation: str) -> Place:
    """In TensorFlow 2 `tf.losses`, `tf.metrics`, `tf.optimizers` and `tf.initializers` are those of Keras."""
    if found.root != "tf" or found.rest.partition(".")[0] not in _KERAS_IN_TF2:
        return found
    known_in_v1 = bool(_named("tf1", "tf", found.rest)[1]) and "." in found.rest
    known_in_keras = any(_named(t, "keras", found.rest)[1] for t in ("keras2", "keras3"))
    v1 = found.flavour == "tf.compat.v1" or (found.flavour == "tf" and generation == "1.x")
    if v1 and (known_in_v1 or not known_in_keras or found.flavour == "tf.compat.v1"):
        return found
    # A program for version 1 that is taken for one of version 2: the names do not overlap, so they decide.
    if not v1 and known_in_v1 and not known_in_keras:
        return found
    return Place("keras", found.rest, "tf.keras")


def _renewed(found: Place, table: str, generation: str) -> str:
    """Until TensorFlow 2.10 `keras.optimizers.Adam` was what is `keras.optimizers.legacy.Adam` since."""
    if table == "keras2" and generation in ("1.x", "2.0") and found.flavour != "tf_keras":
        parts = found.rest.split(".")
        if parts[0] == "optimizers" and len(parts) == 2:
            standalone = f"optimizers.standalone.{parts[1]}"
            if generation == "1.x" and found.flavour == "keras" and tables.find(table, standalone):
                return standalone
            if tables.find(table, f"optimizers.legacy.{parts[1]}"):
                return f"optimizers.legacy.{parts[1]}"
    return found.rest


def _target(canonical: str, table: str) -> tuple[str, str]:
    """The table and the name inside of it that an alias points to; its own table where that has the name."""
    root, _, rest = canonical.partition(".")
    choices = _ROOTS.get(root)
    if choices is None:
        return "python", canonical
    ordered = sorted(choices, key=lambda choice: choice != table)
    return next((t for t in ordered if tables.find(t, rest) is not None), ordered[0]), rest


def _named(table: str, root: str, rest: str) -> tuple[str, str]:
    """The canonical name and the kind of a name in a table; the kind is empty when the table does not have it."""
    if not rest:
        return root, "module"
    entry, canonical, member = _lookup(table, root, rest)
    if entry is None:
        # A namespace that the table only lists names of.
        return (f"{root}.{rest}" if root else rest, "module") if tables.has_below(table, rest) else ("", "")
    if entry.kind != "alias":
        return canonical, entry.kind
    name = entry.canonical + member
    target, below = _target(entry.canonical, table)
    final = tables.find(target, below)
    if final is None:
        return name, "unknown"
    return (final.canonical or name), ("module" if final.kind == "alias" else final.kind)


def _lookup(table: str, root: str, rest: str) -> tuple[tables.Entry | None, str, str]:
    """The entry of a name, its canonical name, and what an alias of a module leaves to add."""
    entry = tables.find(table, rest)
    if entry is not None:
        return entry, entry.canonical or (f"{root}.{rest}" if root else rest), ""
    owner, dot, member = rest.rpartition(".")
    if not dot:
        return None, "", ""
    above = tables.find(table, owner)
    for _ in range(8):
        if above is None:
            return None, "", ""
        if above.kind == "alias":
            table, owner = _target(above.canonical, table)
        elif above.kind == "class" and above.base:
            table, owner = _target(above.base, table)
        else:
            return None, "", ""
        root = above.canonical.partition(".")[0] if above.kind == "alias" else root
        entry = tables.find(table, f"{owner}.{member}")
        if entry is not None:
            return entry, entry.canonical or f"{root}.{owner}.{member}", ""
        above = tables.find(table, owner)
    return None, "", ""
