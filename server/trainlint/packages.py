"""Which packages a document uses: whether it concerns TensorFlow or Keras at all, and which generation of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.program.eras import KERAS_1_CALLS, KERAS_1_WORDS
from trainlint.project.pins import said_in
from trainlint.source import code
from trainlint.source.walk import calls_in, statements_of

if TYPE_CHECKING:
    from trainlint.program.program import Program
    from trainlint.project import Project
    from trainlint.source.document import Document

_PACKAGES = ("tensorflow", "keras", "tf_keras")

_CLASS = re.compile(r"(?<![\w.])[A-Z]\w*(?=\()")
"""A class that is called by its bare name."""


def concerns(document: Document, load: Callable[[str, int, Any], Document | None]) -> bool:
    """Whether anything in a document or in the project's modules that it imports can be of TensorFlow or Keras.

    A file that only speaks of them, in a comment or a text, is not run.
    """
    seen = {document.path}
    waiting = [document]
    while waiting:
        current = waiting.pop()
        if any(_is_customary(name.partition(".")[0]) for name in current.dotted):
            return True
        for node in _imports(current):
            modules = [name.name for name in node.names] if isinstance(node, code.Import) else [node.module]
            level = 0 if isinstance(node, code.Import) else node.level
            for module in modules:
                if level == 0 and module.startswith(_PACKAGES):
                    return True
                found = load(module, level, current)
                if found is not None and found.path not in seen:
                    seen.add(found.path)
                    waiting.append(found)
        if any(map(_is_customary, set(_CLASS.findall(current.text)))):
            return True
    return False


def _is_customary(name: str) -> bool:
    """Whether code from a question, which comes without imports, means TensorFlow or Keras by a name."""
    path = tfapi.customary(name)
    return path is not None and path.startswith(_PACKAGES)


def turns_out_old(allowed: tuple[str, ...], programs: tuple[Program, ...], modules: Iterable[Document]) -> bool:
    """Whether a program whose own text leaves these generations is of TensorFlow 1 by its modules.

    Their names tell, or that only Python 2 can read them.
    """
    if tfapi.choose(allowed).startswith("1") or not any(each.startswith("1") for each in allowed):
        return False
    if any(map(_is_python_2, modules)):
        return True
    symbols = {operation.symbol for program in programs for operation in program.operations}
    symbols |= {record.symbol for program in programs for _, record in program.objects}
    used = [tfapi.availability(s) for s in symbols if s is not None and s.path.startswith(("tensorflow.", "keras."))]
    return ("1.x",) in used and all("1.x" in places for places in used if places)


def generations(document: Document, project: Project) -> tuple[str, ...]:
    """The generations of TensorFlow that a program may be for, as far as its own text and its project tell."""
    aliases: dict[str, str] = {}
    imports: set[str] = set()
    tried = _tried(document)
    for node in _imports(document):
        if isinstance(node, code.Import):
            for name in node.names:
                imports.add(name.name)
                aliases[name.alias or name.name.split(".")[0]] = name.name if name.alias else name.name.split(".")[0]
        elif node.level == 0:
            imports.add(node.module)
            for name in node.names:
                aliases[name.alias or name.name] = f"{node.module}.{name.name}"
                if name.name != "*" and node not in tried:
                    imports.add(f"{node.module}.{name.name}")
    dotted = {path for text in document.dotted if (path := _meant(text, aliases)).startswith(_PACKAGES)}
    known = {i for i in imports if i.startswith(_PACKAGES)}
    in_keras_1 = _speaks_keras_1(document, aliases)
    pins = {**asserted(document), **dict(project.pins.items)}
    said = _said(document, project)
    return tfapi.generations(dotted, known, pins, python_2=_is_python_2(document), said=said, keras_1=in_keras_1)


def _said(document: Document, project: Project) -> tuple[tuple[str, str], ...]:
    """What prose says of versions: what stands at the top of the document, else in the README of the project."""
    start = _CODE.search(document.text)
    top = "" if start is None else _SWITCHED_OFF.sub("", document.text[: start.start()])
    return said_in(top) or project.pins.said


_SWITCHED_OFF = re.compile(r"^[ \t]*#[ \t]*[!%].*", re.MULTILINE)
"""A command of a notebook that is a comment: `# !pip install tensorflow==1.15`."""

_CODE = re.compile(r"^[ \t]*(?:import|from)\s", re.MULTILINE)


_WORDS_OF_KERAS_1 = re.compile(
    rf"\bConvolution\dD\(|\b(?:{'|'.join(sorted({*KERAS_1_WORDS, *KERAS_1_CALLS, 'output_dim'}))})\s*=(?!=)"
)


def _speaks_keras_1(document: Document, aliases: dict[str, str]) -> bool:
    """Whether a document calls Keras, as a package of its own, in words that only Keras 1 had and 2.3 still took."""
    from trainlint.interpret.expressions import name_of

    if not any(path == "keras" or path.startswith("keras.") for path in aliases.values()):
        return False
    methods = not any(path.startswith("tensorflow.") and ".keras" in path for path in aliases.values())
    for unit in document.starts:
        if _WORDS_OF_KERAS_1.search(unit.text) is None:
            continue
        for call in calls_in(unit.statements):
            words = {argument.keyword for argument in call.arguments}
            if isinstance(call.function, code.Attribute) and methods and not KERAS_1_CALLS.isdisjoint(words):
                return True
            path = _meant(name_of(call.function) or "", aliases)
            if path.startswith("keras.layers.") and (
                not KERAS_1_WORDS.keys().isdisjoint(words)
                or ("output_dim" in words and not path.endswith(".Embedding"))
                or (path.endswith(".Convolution2D") and _n_positional(call) > 2)  # filters, rows and columns
            ):
                return True
    return False


def _meant(name: str, aliases: dict[str, str]) -> str:
    """What a dotted name means by what is imported; empty where its first part is not."""
    first, _, rest = name.partition(".")
    path = aliases.get(first, "")
    return f"{path}.{rest}" if path and rest else path


def _n_positional(call: code.Call) -> int:
    return sum(argument.keyword is None and not argument.star for argument in call.arguments)


def _is_python_2(document: Document) -> bool:
    """Whether Python 3 cannot read a document, and Python 2 can."""
    return any(unit.legacy is not None for unit in document.units)


def exact_version(document: Document, project: Project) -> tuple[int, ...] | None:
    """The version of TensorFlow that the program or its project asks for, where it is one and no range.

    What prose mentions asks for nothing: it may be older than the code beside it.
    Of `0.12.*` it is `(0, 12)`: its patches are one version.
    """
    specifiers = {*project.pins.specifiers("tensorflow"), *asserted(document).values()}
    exact = {match[1] for text in specifiers if (match := _EXACT.fullmatch(text))}
    return tuple(int(part) for part in exact.pop().split(".")) if len(exact) == 1 and len(specifiers) == 1 else None


_EXACT = re.compile(r"===?\s*(\d+\.\d+(?:\.\d+)?)(?:(?<!\.1)\.\*)?")
"""One version or the patches of one; what begins with "1.1" may be 1.15."""

_ASSERTED = re.compile(
    r"^\s*assert\s+(?:[\w.]+\()?(?:tf|tensorflow)\.(?:__version__|VERSION)\)?\s*"
    r"(?:(==|>=|<=|<|>)\s*(?:[\w.]+\()?|(?:\.startswith\(|\[:(?:\d+|len\([\"'][\d.]+[\"']\))\]\s*==\s*))"
    r"[\"'](\d+(?:\.\d+)*)",
    re.MULTILINE,
)


def asserted(document: Document) -> dict[str, str]:
    """The version of TensorFlow that the program itself asserts, as a pin: `assert tf.__version__ == "1.8.0"`."""
    match = _ASSERTED.search(document.text) if "assert" in document.text else None
    return {} if match is None else {"tensorflow": f"{match[1] or '=='}{match[2]}{'' if match[1] else '.*'}"}


def _tried(document: Document) -> set[code.Node]:
    """The imports of names that may fail: another one stands behind an `except`."""
    found: set[code.Node] = set()
    for unit in document.starts:
        if "import" in unit.text and "except" in unit.text:
            for node in statements_of(code.Block((code.Part(unit, unit.statements),))):
                if isinstance(node, code.Try) and node.handlers:
                    inside = code.Block((code.Part(unit, (node,)),))
                    found.update(each for each in statements_of(inside) if isinstance(each, code.ImportFrom))
    return found


def _imports(document: Document) -> Iterator[code.Import | code.ImportFrom]:
    for unit in document.starts:
        # Looking through all statements takes longer than looking for the word.
        if "import" in unit.text:
            for node in statements_of(code.Block((code.Part(unit, unit.statements),))):
                if isinstance(node, (code.Import, code.ImportFrom)):
                    yield node
