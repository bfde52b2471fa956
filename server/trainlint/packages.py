"""Which packages a document uses: whether it concerns TensorFlow or Keras at all, and which generation of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.project import Project
    from trainlint.source.document import Document

_PACKAGES = ("tensorflow", "keras", "tf_keras")

_CUSTOMARY = ("tf.", "keras.", "tensorflow.")
_CUSTOMARY_CALL = re.compile(r"\b(?:Sequential|Model|Input|[A-Z]\w*D|Dense|LSTM|GRU|Embedding)\(")
"""Names of TensorFlow and Keras that code from a question uses without importing them."""


def concerns(document: Document, load: Callable[[str, int, Any], Document | None]) -> bool:
    """Whether anything in a document or in the project's modules that it imports can be of TensorFlow or Keras.

    A file that only speaks of them, in a comment or a text, is not run.
    """
    seen = {document.path}
    waiting = [document]
    while waiting:
        current = waiting.pop()
        if any(name.startswith(_CUSTOMARY) for name in current.dotted) or _CUSTOMARY_CALL.search(current.text):
            return True
        for node in _imports(current.body):
            modules = [name.name for name in node.names] if isinstance(node, code.Import) else [node.module]
            level = 0 if isinstance(node, code.Import) else node.level
            for module in modules:
                if level == 0 and module.startswith(_PACKAGES):
                    return True
                found = load(module, level, current)
                if found is not None and found.path not in seen:
                    seen.add(found.path)
                    waiting.append(found)
    return False


def generation(document: Document, project: Project) -> str:
    """The generation of TensorFlow that the program is read for."""
    aliases: dict[str, str] = {}
    imports: set[str] = set()
    for node in _imports(document.body):
        if isinstance(node, code.Import):
            for name in node.names:
                imports.add(name.name)
                aliases[name.alias or name.name.split(".")[0]] = name.name if name.alias else name.name.split(".")[0]
        elif node.level == 0:
            imports.add(node.module)
            for name in node.names:
                aliases[name.alias or name.name] = f"{node.module}.{name.name}"
    dotted = set()
    for text in document.dotted:
        first, _, rest = text.partition(".")
        path = aliases.get(first)
        if path is not None and path.startswith(("tensorflow", "keras", "tf_keras")):
            dotted.add(f"{path}.{rest}" if rest else path)
    known = {i for i in imports if i.startswith(("tensorflow", "keras", "tf_keras"))}
    pins = dict(project.pins.items)
    return tfapi.choose(tfapi.generations(dotted, known, pins))


def _imports(block: code.Block) -> Iterator[Any]:
    for part in block.parts:
        for node in part.statements:
            if isinstance(node, (code.Import, code.ImportFrom)):
                yield node
            for field in ("body", "orelse", "final"):
                inner = getattr(node, field, None)
                if isinstance(inner, code.Block):
                    yield from _imports(inner)
            for handler in getattr(node, "handlers", ()):
                yield from _imports(handler.body)
