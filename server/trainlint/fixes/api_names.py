"""How a file can say the name of an API symbol, and which import it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.record import Record
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.fixes.scopes import Bound, Scopes

_CANONICAL = {"tf": "tensorflow", "np": "numpy"}

# Longer roots first: `tensorflow.compat.v1.keras` is Keras.
_KERAS = (
    "tensorflow.compat.v1.keras", "tensorflow.compat.v2.keras", "tensorflow.python.keras", "tensorflow.keras",
    "tf_keras", "keras",
)  # fmt: skip
_TENSORFLOW = ("tensorflow.compat.v1", "tensorflow.compat.v2", "tensorflow")

_ALIASES = {"tensorflow": "tf", "numpy": "np", "tensorflow.compat.v1": "tf"}
"""The aliases that everybody uses."""


class Import(Record):
    """An import that a file needs: `import module as alias`, or `from module import name as alias`."""

    module: str
    name: str | None = None
    alias: str | None = None

    @property
    def binds(self) -> str:
        """The name that it makes."""
        return self.alias or self.name or self.module.split(".")[0]

    @property
    def path(self) -> str:
        """The dotted path that this name stands for."""
        if self.name is not None:
            return f"{self.module}.{self.name}"
        return self.module if self.alias else self.module.split(".")[0]

    @property
    def statement(self) -> str:
        """The statement as text."""
        alias = f" as {self.alias}" if self.alias else ""
        return f"from {self.module} import {self.name}{alias}" if self.name else f"import {self.module}{alias}"


class Spelling(Record):
    """A name as text, and the import that it needs."""

    text: str
    needs: Import | None = None
    beside: code.Place | None = None
    """The last name of a `from` import that gets this one too."""


def spell(path: str, node: code.Node, scopes: Scopes, generation: str) -> Spelling | None:
    """The shortest way to say a path at a node with what the file imports; None when no name is free for an import."""
    first, _, rest = path.partition(".")
    path = _CANONICAL.get(first, first) + (f".{rest}" if rest else "")
    names = visible_imports(node, scopes)
    best: tuple[int, int, str] | None = None
    for rank, wanted in enumerate(_ways(path, names, scopes, generation)):
        for name, imported in names.items():
            below = _below(wanted, imported)
            if below is not None:
                found = (rank, len(below), name + below)
                if best is None or found < best:
                    best = found
    if best is not None:
        return Spelling(best[2])
    return _beside_others(path, names, node, scopes, generation) or _with_import(
        _ways(path, names, scopes, generation)[0], node, scopes
    )


def visible_imports(node: code.Node, scopes: Scopes) -> dict[str, str]:
    """The names that mean an import at a node, each with its dotted path."""
    found: dict[str, str] = {}
    hidden: set[str] = set()
    around = scopes.around(node)
    position = scopes.index.document.offsets(node.place)[0]
    for scope in around:
        for name, bound in scopes.bindings(scope).items():
            if name in hidden or name in found:
                continue
            path = _import_path(bound)
            # What runs in the order of the text sees only the imports above it.
            is_late = scope is around[0] and scopes.index.document.offsets(bound[0].place)[0] > position
            if path is None or is_late:
                hidden.add(name)
            else:
                found[name] = path
    return found


def _import_path(bound: list[Bound]) -> str | None:
    """The path of a name that nothing but imports bind; the first of several spellings of one library."""
    paths = [each.path for each in bound]
    first = paths[0]
    if first is None or any(path is None or _library(path) != _library(first) for path in paths):
        return None
    return first


def _library(path: str) -> str:
    keras = _split(path, _KERAS)
    if keras is not None:
        return f"keras{keras[1]}"
    tensorflow = _split(path, _TENSORFLOW)
    return f"tensorflow{tensorflow[1]}" if tensorflow is not None else path


def _split(path: str, roots: tuple[str, ...]) -> tuple[str, str] | None:
    for root in roots:
        if path == root or path.startswith(root + "."):
            return root, path[len(root) :]
    return None


def _below(wanted: str, imported: str) -> str | None:
    if wanted == imported:
        return ""
    return wanted[len(imported) :] if wanted.startswith(imported + ".") else None


def _ways(path: str, names: dict[str, str], scopes: Scopes, generation: str) -> list[str]:
    """The paths of the same object, the one that suits the file first."""
    keras = _split(path, _KERAS)
    if keras is not None:
        root, rest = keras
        used = _keras_in(names, scopes)
        roots = [root] if root in used else []
        roots += [each for each in used if each not in roots]
        if not roots and any(_split(imported, _TENSORFLOW) for imported in names.values()):
            roots = ["tensorflow.keras", "tensorflow.compat.v1.keras"]
        return [each + rest for each in dict.fromkeys([*roots, root])]
    tensorflow = _split(path, _TENSORFLOW)
    if tensorflow is None:
        return [path]
    root, rest = tensorflow
    plain, old = f"tensorflow{rest}", f"tensorflow.compat.v1{rest}"
    if root == "tensorflow.compat.v1":
        # Version 1 until 1.12 has no compat.v1, and all of it has the plain name.
        return [plain, old] if generation == "1.x" else [old]
    ways = [path, *([old] if _exists(old, generation) else [])]
    return ways if _exists(path, generation) or len(ways) == 1 else ways[::-1]


def _exists(path: str, generation: str) -> bool:
    symbol = tfapi.resolve(path, generation)
    return symbol is not None and generation in tfapi.availability(symbol)


def _keras_in(names: dict[str, str], scopes: Scopes) -> list[str]:
    """The spellings of Keras that a file uses."""
    found: dict[str, None] = {}
    bound = [each.path for bindings in scopes.bindings(None).values() for each in bindings if each.path]
    for path in (*names.values(), *bound):
        split = _split(path, _KERAS)
        if split is not None:
            found[split[0]] = None
    for dotted in scopes.index.document.dotted:
        first, _, rest = dotted.partition(".")
        split = _split(f"{names[first]}.{rest}", _KERAS) if first in names else None
        if split is not None:
            found[split[0]] = None
    return sorted(found, key=list(_KERAS).index, reverse=True)


def _beside_others(
    path: str, names: dict[str, str], node: code.Node, scopes: Scopes, generation: str
) -> Spelling | None:
    """The bare name, where the file imports other names from the same module at its top."""
    index = scopes.index
    for wanted in _ways(path, names, scopes, generation):
        module, _, name = wanted.rpartition(".")
        if scopes.lookup(name, node)[1] or name in scopes.bindings(None):
            continue
        for other in names:
            bound = scopes.bindings(None).get(other, [])
            if len(bound) != 1 or (bound[0].path or "").rpartition(".")[0] != module:
                continue
            imported = index.node(bound[0].place)
            statement = index.parent(imported) if imported is not None else None
            if isinstance(statement, code.ImportFrom) and index.parent(statement) is None:
                # A star has it already.
                return Spelling(name, None, None if other == "*" else statement.names[-1].place)
    return None


def _with_import(path: str, node: code.Node, scopes: Scopes) -> Spelling | None:
    root = next((root for root in (*_KERAS, *_TENSORFLOW) if path == root or path.startswith(root + ".")), None)
    if root is None:
        root = path.rpartition(".")[0] or path
        if root.startswith("numpy."):
            root = "numpy"
    if root.endswith(".keras"):
        root = root.removesuffix(".keras")
        if root == "tensorflow.python":
            return _spelled(path, Import(root, "keras"), node, scopes)
    choices = [Import(root, alias=_ALIASES[root])] if root in _ALIASES else []
    choices.append(Import(root))
    for needed in choices:
        found = _spelled(path, needed, node, scopes)
        if found is not None:
            return found
    return None


def _spelled(path: str, needed: Import, node: code.Node, scopes: Scopes) -> Spelling | None:
    name = needed.binds
    # A name that anything else uses, here or on the way to the module, is not free.
    if scopes.lookup(name, node)[1] or name in scopes.bindings(None):
        return None
    below = _below(path, needed.path)
    return None if below is None else Spelling(name + below, needed)
