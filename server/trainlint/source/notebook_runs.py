"""What a notebook's last run left behind: the versions that it ran with, where its file shows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trainlint.source.notebook_json import as_list, as_object, as_text, cells_of, source_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.project.requirements import Pin

# The first version of TensorFlow that has no wheel for a Python any more, as PyPI lists them.
_WITHOUT_PYTHON = {
    (2, 7): "2.2", (3, 3): "1.15", (3, 4): "1.15", (3, 5): "2.4", (3, 6): "2.7", (3, 7): "2.12", (3, 8): "2.14",
}  # fmt: skip

_BACKEND = re.compile(r"^Using TensorFlow backend\.$", re.MULTILINE)
"""Keras said so when it was imported, until it had no other backends: https://github.com/keras-team/keras/releases/tag/2.4.0."""

_INSTALLED = re.compile(r"/python(\d)\.(\d+)/(?:dist|site)-packages/(?:tensorflow|keras)")
"""Where the packages lie, which warnings name; Colab writes no version into the metadata."""

_INSIDE = re.compile(r"<tensorflow\.python\.keras\.")
"""An object of Keras as it showed itself until TensorFlow 2.6: `<tensorflow.python.keras.callbacks.History at 0x7>`."""

_CORE = re.compile(r"[/\\]tensorflow_core[/\\]")
"""The folder of TensorFlow 1.15 to 2.1."""

_NAMED = re.compile(r"^(tensorflow|keras)[ \t:=]+v?(\d+\.\d+(?:\.\d+)?)", re.MULTILINE)
"""What `print(module.__name__, module.__version__)` shows."""

_MENTION = re.compile(r"(?<![\w.])((?:\w+\.)*?\w+)\.(?:__version__|(?:version\.)?VERSION)\b")
_NUMBER = re.compile(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)*)(?:[-.]?(?:rc|alpha|beta|a|b|dev|tf)\w*)?(?![\w.]*\w)")
_PACKAGES = {"tf": "tensorflow", "tensorflow": "tensorflow", "keras": "keras"}


def ran_with(document: dict[str, Any]) -> tuple[Pin, ...]:
    """The versions that the JSON document of a notebook shows, as pins; of each package one at most.

    What a cell printed counts, then what Keras said when it was imported, then which TensorFlow the Python of the
    kernel, or the one in the paths of warnings, can have at most.
    An open notebook, which has no outputs, brings what its file showed in its metadata.
    """
    known = as_object(as_object(as_object(document.get("metadata")).get("trainlint")).get("ran_with"))
    found = {str(package): str(specifier) for package, specifier in known.items()}
    python: tuple[int, int] | None = None
    for source, output in _shown(document):
        found.update(_printed(source, output))
        if _BACKEND.search(output):
            found.setdefault("keras", "<2.4")
        if _INSIDE.search(output):
            found.setdefault("tensorflow", "<2.6")
        if _CORE.search(output):
            found.setdefault("tensorflow", "<2.2")
        if (path := _INSTALLED.search(output)) is not None:
            python = (int(path[1]), int(path[2]))
    python = _python(document) or python
    if python in _WITHOUT_PYTHON:
        found.setdefault("tensorflow", f"<{_WITHOUT_PYTHON[python]}")
    return tuple(sorted(found.items()))


def _printed(source: str, output: str) -> Iterator[Pin]:
    """What a cell shows of versions, if it shows one number for each that it asks for."""
    asked = [match[1] for match in _MENTION.finditer(source)]
    if asked:
        for match in _NAMED.finditer(output):
            yield match[1], f"=={match[2]}"
    shown = [match[1] for match in _NUMBER.finditer(output)] if asked else []
    if len(asked) == len(shown):
        for name, version in zip(asked, shown, strict=True):
            if name in _PACKAGES:
                yield _PACKAGES[name], f"=={version}"


def _python(document: dict[str, Any]) -> tuple[int, int] | None:
    """The first two numbers of the version of the kernel's Python; None if the notebook does not say."""
    language = as_object(as_object(document.get("metadata")).get("language_info"))
    match = re.match(r"(\d+)\.(\d+)", str(language.get("version", "")))
    return None if match is None else (int(match[1]), int(match[2]))


def _shown(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The source and the text of the outputs of each cell that has any."""
    for _, cell in cells_of(document):
        outputs = [as_object(output) for output in as_list(cell.get("outputs"))]
        if outputs:
            texts = (output.get("text", as_object(output.get("data")).get("text/plain")) for output in outputs)
            yield as_text(cell.get(source_key(cell))) or "", "\n".join(as_text(text) or "" for text in texts)
