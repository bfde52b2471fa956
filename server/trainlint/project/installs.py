"""The versions that the commands of a notebook install: `!pip install tensorflow==1.15` says what a pin would."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from trainlint.project.pins import Pins
from trainlint.project.requirements import pins_of, requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trainlint.project.requirements import Pin

_COMMAND = re.compile(
    r"(?:^|[\s/!%])(pip|conda|mamba|micromamba)[\d.]*[ \t]+(?:-\S+[ \t]+)*install(?=\s|$)(.*)", re.DOTALL
)
_COLAB = re.compile(r"%?tensorflow_version[ \t]+([12])\b")
_SEPARATOR = re.compile(r"&&|\|\|?|;|(?<!\\)\n|(?:^|\s)#[^\n]*")
_WORD = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'|(\S+)")

_UPGRADE = frozenset(("-U", "--upgrade", "--force-reinstall"))
_FILES = frozenset(("-r", "--requirement", "-c", "--constraint"))
_NAMES = frozenset(("-n", "--name"))
"""What follows in conda's command line is the name of an environment, which may be `tensorflow`."""

# https://colab.research.google.com/notebooks/tensorflow_version.ipynb: 1.x was 1.15.2 until Colab gave it up.
_COLAB_VERSIONS = {"1": "==1.15.2", "2": ">=2,<3"}

_TENSORFLOW = ("tensorflow", "tf-nightly")
_KERAS = ("keras", "tf-keras")


def pins_with(
    pins: Pins, commands: Iterable[str], folder: str, read: Callable[[str], bytes], ran_with: Iterable[Pin] = ()
) -> Pins:
    """The pins of a project as a notebook in this folder changes them.

    Of each package the last command that speaks of it counts.
    A version of TensorFlow also takes the place of the project's pin of Keras, which followed the old one.
    What the notebook's last run shows counts if nothing says which TensorFlow or Keras is meant.
    """
    said: dict[str, Pin] = {}
    for command in commands:
        for name, specifier in _installed(command, folder, read):
            said[_family(name)] = (name, specifier)
    replaced = {*said, *(_KERAS if "tensorflow" in said else ())}
    kept = [pin for pin in pins.items if _family(pin[0]) not in replaced]
    found = Pins(tuple(sorted({*kept, *said.values()})))
    if not found.tell:
        found = Pins(tuple(sorted({*found.items, *ran_with})))
    return found if found.tell else found.replace(said=pins.said)


def _family(package: str) -> str:
    """The package that this one is a build of."""
    return "tensorflow" if package.startswith(_TENSORFLOW) else package


def _installed(command: str, folder: str, read: Callable[[str], bytes]) -> Iterator[Pin]:
    if colab := _COLAB.match(command):
        yield "tensorflow", _COLAB_VERSIONS[colab[1]]
    if "install" not in command:
        return
    for part in _SEPARATOR.split(command.replace("\\\n", " ")):
        if (match := _COMMAND.search(part)) is not None:
            yield from _packages(match[2], match[1] != "pip", folder, read)


def _packages(arguments: str, conda: bool, folder: str, read: Callable[[str], bytes]) -> Iterator[Pin]:
    words = ["".join(groups).strip("\"'") for groups in _WORD.findall(arguments)]
    upgraded = not _UPGRADE.isdisjoint(words)
    before = ""
    for word in words:
        if before in _FILES and not conda:
            yield from pins_of(os.path.normpath(os.path.join(folder, word)), read, set())
        elif not (conda and before in _NAMES):
            for name, specifier in requirement(word):
                # Without a version, pip leaves what is installed as it is.
                if specifier or upgraded:
                    yield name, specifier
        before = word
