"""Which generations of TensorFlow a program can have been written for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.tfapi.resolve import availability, resolve
from trainlint.tfapi.symbols import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Version = tuple[int, ...]

# First version of each generation, and the first that is not in it any more.
_TENSORFLOW: dict[str, tuple[Version, Version]] = {
    "1.x": ((0,), (2, 0)),
    "2.0": ((2, 0), (2, 11)),
    "2.11": ((2, 11), (2, 16)),
    "2.16": ((2, 16), (1000,)),
}
# Keras follows TensorFlow's numbers from 2.4 on; 2.2 and 2.3 ran on TensorFlow 1 and on 2.0.
_KERAS: dict[str, tuple[Version, Version]] = {
    "1.x": ((0,), (2, 4)),
    "2.0": ((2, 2), (2, 11)),
    "2.11": ((2, 11), (3,)),
    "2.16": ((3,), (1000,)),
}
_PACKAGES = {
    "tensorflow": _TENSORFLOW,
    "tensorflow-gpu": _TENSORFLOW,
    "tensorflow-cpu": _TENSORFLOW,
    "tensorflow-macos": _TENSORFLOW,
    "intel-tensorflow": _TENSORFLOW,
    "keras": _KERAS,
}

# Modules that no table lists, or lists under the name of what took their place.
_MODULES = {
    "tensorflow.contrib": ("1.x",),
    "tensorflow.examples.tutorials": ("1.x",),
    "tensorflow.models": ("1.x",),
    "tensorflow.python.keras": ("1.x", "2.0", "2.11"),
    "tensorflow.keras.mixed_precision.experimental": ("1.x", "2.0"),
}

# TensorFlow 2.1 was the last for Python 2, three months after 2.0, and Keras 2.3 its last Keras.
_PYTHON_2: tuple[tuple[str, ...], ...] = (("1.x", "2.0"), ("1.x",))

# Keras 2.3 was the last to take the words of Keras 1, and ran on TensorFlow 2.0 and 2.1 too.
_KERAS_1: tuple[tuple[str, ...], ...] = (("1.x", "2.0"),)

_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>|=)?\s*v?(\d+(?:\.\d+)*)(\.\*)?")


def generations(
    dotted: Collection[str],
    imports: Collection[str] = (),
    pins: Mapping[str, str] | None = None,
    *,
    python_2: bool = False,
    said: Collection[tuple[str, str]] = (),
    keras_1: bool = False,
) -> tuple[str, ...]:
    """The generations that the names a program uses and its pinned versions allow, oldest first; never empty.

    `dotted` are paths after alias resolution ("tensorflow.placeholder"), `imports` the modules that it imports,
    `pins` the requirement of each package ("==1.15", ">=2.4,<2.11"), `python_2` says that only Python 2 can read it,
    and `keras_1` that it speaks to Keras in words that were gone after version 2.3. A pin to one version decides alone.
    What is `said` in prose counts where no pin tells anything, as a range; there a package's requirements are
    alternatives.
    Ranges narrow what the names allow. Where the names contradict each other, the generations that most of them
    allow are left.
    """
    pinned, exact = _pinned(pins or {})
    if exact and pinned:
        return pinned
    pinned = pinned or _said(said)
    votes = dict.fromkeys(GENERATIONS, 0)
    evidence = 0
    for allowed in (*_evidence(dotted, imports), *(_PYTHON_2 if python_2 else ()), *(_KERAS_1 if keras_1 else ())):
        evidence += 1
        for generation in allowed:
            votes[generation] += 1
    if not evidence:
        return pinned or GENERATIONS
    most = max(votes.values())
    named = tuple(g for g in GENERATIONS if votes[g] == most)
    return tuple(g for g in named if g in pinned) or named


def choose(generations: Collection[str]) -> str:
    """The generation whose signatures hold for a program: the newest that is possible."""
    return next(g for g in reversed(GENERATIONS) if g in generations or not generations)


def _evidence(dotted: Collection[str], imports: Collection[str]) -> list[tuple[str, ...]]:
    """What each name allows, for the names that exclude something."""
    found = []
    for path in sorted({*dotted, *imports}):
        for prefix, listed in _MODULES.items():
            if path == prefix or path.startswith(prefix + "."):
                found.append(listed)
        if path.startswith(("tensorflow.compat.", "tf_keras", "numpy.")) or path in ("tensorflow", "keras"):
            continue
        # The newest meaning decides what kind of thing it is; `availability` looks into all of them.
        symbol = resolve(path, GENERATIONS[-1])
        allowed = availability(symbol) if symbol is not None else ()
        if allowed and len(allowed) < len(GENERATIONS):
            found.append(allowed)
    return found


def _pinned(pins: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    """The generations that the requirements allow (empty when they say nothing), and whether one pins a version."""
    allowed = list(GENERATIONS)
    told = exact = False
    for package, requirement in sorted(pins.items()):
        ranges = _PACKAGES.get(package.lower().replace("_", "-"))
        clauses = _clauses(requirement)
        if ranges is None or not clauses:
            continue
        # An exact version of TensorFlow says more than that of Keras.
        fits = [g for g in allowed if all(_overlaps(ranges[g], operator, version) for operator, version in clauses)]
        if fits:
            allowed, told = fits, True
            exact = exact or any(operator == "==" and len(version) > 1 for operator, version in clauses)
    return (tuple(allowed), exact) if told else ((), False)


def _said(mentions: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """The generations that prose allows; empty where it says nothing, or what cannot be together."""
    allowed = {package: set[str]() for package, _ in mentions}
    for package, requirement in mentions:
        ranges, clauses = _PACKAGES[package], _clauses(requirement)
        allowed[package] |= {g for g in GENERATIONS if all(_overlaps(ranges[g], o, v) for o, v in clauses)}
    return tuple(g for g in GENERATIONS if allowed and all(g in each for each in allowed.values()))


def _clauses(requirement: str) -> list[tuple[str, Version]]:
    found = []
    for part in requirement.split(";")[0].split(","):
        match = _CLAUSE.search(part)
        if match:
            operator = {None: "==", "=": "==", "===": "=="}.get(match[1], match[1])
            found.append((str(operator), tuple(int(n) for n in match[2].split("."))))
    return found


def _overlaps(interval: tuple[Version, Version], operator: str, version: Version) -> bool:
    """Whether a version in the interval can satisfy the clause; the upper end is not in the interval."""
    first, end = _padded(interval[0]), _padded(interval[1])
    exact = _padded(version)
    if operator == "!=":
        return True
    if operator in (">=", ">"):
        return exact < end
    if operator == "<":
        return first < exact
    if operator == "<=":
        return first <= exact
    if operator == "~=" or len(version) == 1:
        # "~=2.12" is any 2.x from there; "==2" and "==2.*" are meant as any 2.x.
        upper = (*version[:-2], version[-2] + 1) if len(version) > 1 else (version[0] + 1,)
        return exact < end and first < _padded(upper)
    return first <= exact < end


def _padded(version: Version) -> Version:
    return version + (0,) * (3 - len(version))
