"""What the user's interpreter has, found out without importing any of it."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Dict, List, Optional, Tuple

BACKENDS = ("tensorflow", "jax", "torch")
"""In the order of preference, as the engine's."""

OLDEST = {"tensorflow": (2, 4)}
"""Before that, TensorFlow has no NumPy-like broadcasting in all of its operations and no `tf.random.Generator`."""

_DISTRIBUTIONS = {
    "tensorflow": (
        "tensorflow",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-intel",
        "tensorflow-macos",
        "tensorflow-rocm",
        "intel-tensorflow",
        "tf-nightly",
        "tf-nightly-cpu",
    ),
    "jax": ("jax",),
    "torch": ("torch",),
    "keras": ("keras", "keras-nightly"),
    "tf_keras": ("tf_keras", "tf-keras", "tf-keras-nightly"),
    "numpy": ("numpy",),
}


def describe() -> Dict[str, Any]:
    """The worker's hello: its Python, what is installed, which backend is used, and why others are not."""
    packages = {name: found for name in _DISTRIBUTIONS for found in [_package(name)] if found is not None}
    name, unusable = choose({name: found["version"] for name, found in packages.items()})
    return {
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "packages": packages,
        "backend": None if name is None else {"name": name, **packages[name]},
        "unusable": unusable,
        "installer": installer(),
    }


def choose(versions: Dict[str, Optional[str]]) -> Tuple[Optional[str], List[str]]:
    """The backend that is used, None if there is none; and a sentence for each that is there but cannot be used."""
    unusable = []
    for name in BACKENDS:
        if name not in versions:
            continue
        version, oldest = versions[name], OLDEST.get(name)
        if version is not None and oldest is not None and numbers(version) < oldest:
            unusable.append("{} {} is older than {}".format(name, version, ".".join(map(str, oldest))))
            continue
        return name, unusable
    return None, unusable


def hide_others(chosen: str) -> None:
    """Makes sure that nobody takes a backend that was not chosen: what is hidden looks as if it were not installed.

    A library that is imported by another one's choice costs seconds, and half of an uninstalled one fails late.
    """
    for name in BACKENDS[: BACKENDS.index(chosen)]:
        sys.modules[name] = None  # type: ignore[assignment]


def numbers(version: str) -> Tuple[int, ...]:
    """The leading numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def installer() -> str:
    """How packages get into this interpreter: "pip", "uv", "managed" (by the system) or "none"."""
    in_environment = sys.prefix != sys.base_prefix
    if in_environment and _is_made_by_uv() and not _is_there("pip"):
        return "uv"
    if not in_environment and _is_managed():
        return "managed"
    return "pip" if _is_there("pip") else "none"


def _is_made_by_uv() -> bool:
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            return any(line.split("=")[0].strip() == "uv" for line in file)
    except (OSError, ValueError):
        return False


def _is_managed() -> bool:
    """Whether the system forbids pip to install into this interpreter (PEP 668)."""
    import sysconfig

    folder = sysconfig.get_path("stdlib")
    return folder is not None and os.path.exists(os.path.join(folder, "EXTERNALLY-MANAGED"))


def _is_there(name: str) -> bool:
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    # A folder that was left over by an uninstallation is a package without a file.
    return spec is not None and spec.origin is not None


def _package(name: str) -> Optional[Dict[str, Any]]:
    """The version and the distribution of a package that can be imported."""
    if not _is_there(name):
        return None
    from importlib import metadata

    for distribution in _DISTRIBUTIONS[name]:
        try:
            version = metadata.version(distribution)
        except Exception:  # broken metadata of one package says nothing about the others
            continue
        if version:
            return {"version": version, "distribution": distribution}
    return {"version": None, "distribution": None}
