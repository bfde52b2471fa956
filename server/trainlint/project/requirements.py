"""The ways in which projects write down the versions that they need."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from trainlint.project.files import ReadError
from trainlint.project.pins import CONDA_FILE, FRAMEWORKS, MAX_FILES
from trainlint.project.toml import parse_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Pin = tuple[str, str]
    """A package and a specifier of PEP 440, empty if any version will do."""

PACKAGES = FRAMEWORKS | {"numpy"}

_REQUIREMENT = re.compile(
    r"\s*(?:[\w./-]+::)?([A-Za-z][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?\s*"
    r"((?:(?:[~=!<>]=?|===)\s*[\w.*+!-]+\s*,?\s*)*)\s*\)?\s*(?=[;#@]|$)"
)
_CLAUSE = re.compile(r"([~=!<>]=?|===)\s*([\w.*+!-]+)")
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_OPTION = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")
_LITERAL = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_KEY = re.compile(r"\s*[\w.-]+\s*=(?!=)\s*")
_YAML_ITEM = re.compile(r"\s*-\s*[\"']?([^\"'#]*)")


def pins_of(path: str, read: Callable[[str], bytes], seen: set[str]) -> Iterator[Pin]:
    """The pins in one file and in those that it includes, `seen` left out; nothing if it cannot be read."""
    if path in seen or len(seen) > MAX_FILES:
        return
    seen.add(path)
    try:
        data = read(path)
    except ReadError:
        return
    # `pip freeze > requirements.txt` in PowerShell writes UTF-16.
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    name = os.path.basename(path)
    if name in _READERS:
        yield from _READERS[name](text)
    elif CONDA_FILE.fullmatch(name):
        yield from _conda(text)
    else:
        for line in text.replace("\\\n", " ").splitlines():
            if option := _OPTION.match(line):
                yield from pins_of(os.path.normpath(os.path.join(os.path.dirname(path), option[1])), read, seen)
            else:
                yield from requirement(re.sub(r"\s--hash.*", "", line))


def requirement(text: str) -> Iterator[Pin]:
    """The pin in one requirement, if it has one: `tensorflow-gpu[x]>=1.4,<2; marker`, or conda's `tensorflow=1.15`."""
    match = _REQUIREMENT.match(text)
    if match is None:
        return
    name = normal_name(match[1])
    if name in PACKAGES:
        yield name, _specifier(_CLAUSE.findall(match[2]))


def normal_name(name: str) -> str:
    """The package's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _setup_py(text: str) -> Iterator[Pin]:
    for match in _LITERAL.finditer(text):
        yield from requirement(match[1] or match[2] or "")


def _setup_cfg(text: str) -> Iterator[Pin]:
    for line in text.splitlines():
        yield from requirement(_KEY.sub("", line, count=1))


def _conda(text: str) -> Iterator[Pin]:
    for line in text.splitlines():
        if item := _YAML_ITEM.match(line):
            yield from requirement(item[1])


def _pyproject(text: str) -> Iterator[Pin]:
    document = _toml(text)
    project = _table(document.get("project"))
    lists: list[Any] = [project.get("dependencies")]
    lists += _table(project.get("optional-dependencies")).values()
    lists += _table(document.get("dependency-groups")).values()
    for each in lists:
        for text in _strings(each):
            yield from requirement(text)
    poetry = _table(_table(document.get("tool")).get("poetry"))
    groups = [_table(group) for group in _table(poetry.get("group")).values()]
    for table in (poetry.get("dependencies"), poetry.get("dev-dependencies"), *(g.get("dependencies") for g in groups)):
        yield from _named(_table(table))


def _pipfile(text: str) -> Iterator[Pin]:
    document = _toml(text)
    for section in ("packages", "dev-packages"):
        yield from _named(_table(document.get(section)))


_READERS: dict[str, Callable[[str], Iterable[Pin]]] = {
    "pyproject.toml": _pyproject,
    "Pipfile": _pipfile,
    "setup.py": _setup_py,
    "setup.cfg": _setup_cfg,
}


def _named(table: dict[str, Any]) -> Iterator[Pin]:
    """The pins of a table from package to version, as poetry and pipenv write it."""
    for name, stated in table.items():
        package = normal_name(name)
        if package not in PACKAGES:
            continue
        for each in stated if isinstance(stated, list) else [stated]:
            version = each.get("version") if isinstance(each, dict) else each
            yield package, _poetry_specifier(version if isinstance(version, str) else "")


def _poetry_specifier(text: str) -> str:
    clauses: list[Pin] = []
    if "||" in text:
        # Either of two ranges is more than a specifier can say.
        return ""
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\^|~(?!=))?\s*(\d+(?:\.\d+)*)", part)
        if match is None:
            clauses += _CLAUSE.findall(part) or ([("==", part)] if re.fullmatch(r"\d[\d.]*\.\*", part) else [])
        elif match[1] is None:
            clauses.append(("==", part))
        else:
            clauses += [(">=", match[2]), ("<", _upper_bound(match[2], caret=match[1] == "^"))]
    return _specifier(clauses)


def _upper_bound(version: str, caret: bool) -> str:
    """The first version that `^version` or `~version` leaves out."""
    numbers = [int(number) for number in version.split(".")]
    if caret:
        # What may change is everything behind the first number that is not zero.
        kept = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        kept = min(1, len(numbers) - 1)
    return ".".join(map(str, [*numbers[:kept], numbers[kept] + 1]))


def _specifier(clauses: Iterable[Pin]) -> str:
    result: list[str] = []
    for operator, version in clauses:
        if operator == "=":
            # Conda's `=1.15` means any 1.15; what follows a second `=` is a build, not a version.
            if result:
                break
            operator, version = "==", f"{version}.*" if _VERSION.fullmatch(version) else version
        result.append(operator + version)
    return ",".join(result)


def _toml(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text.encode())
    except ValueError:
        return {}


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
