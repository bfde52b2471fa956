"""Baselines: the findings that a code base is known to have, so that only new ones count.

They are counted by file and rule.
The fingerprints of what was counted tell which of more findings are the new ones; they hold no line numbers, so moving
code changes nothing.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from typing import TYPE_CHECKING, Any

from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from trainlint.report.schema import FileEntry, FindingEntry

VERSION = 1

ABOUT = "findings that were there when this was written; trainlint baseline create|prune write it"

Known = dict[str, dict[str, list[str]]]
"""Fingerprints by rule by file, files relative to the folder of the baseline with forward slashes."""


class BaselineError(ValueError):
    """A text that is no baseline; the text says in one line what is wrong with it."""


class Compared(Record, eq=False):
    """What a baseline leaves of a check: the entries, how many findings it hides, how many of its own are gone."""

    entries: list[FileEntry]
    hidden: int
    gone: int


def read(data: bytes) -> Known:
    """The baseline in a file's bytes; raises BaselineError if it is none."""
    try:
        document = json.loads(data)
    except RecursionError:
        raise BaselineError("it is nested too deep") from None
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8"
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BaselineError(f"it is no JSON ({reason}{where})") from None
    if not isinstance(document, dict) or "trainlint_baseline" not in document:
        raise BaselineError("it is no baseline of trainlint")
    version = document["trainlint_baseline"]
    if version != VERSION:
        raise BaselineError(f"it is a baseline of version {version!r}, and this trainlint reads version {VERSION}")
    files = document.get("files")
    if not isinstance(files, dict):
        raise BaselineError("`files` must be an object")
    for file, rules in files.items():
        if not isinstance(rules, dict) or not all(_is_list_of_texts(each) for each in rules.values()):
            raise BaselineError(f"the entry of {file!r} must give a list of fingerprints for each rule")
    return files


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def write(known: Mapping[str, Mapping[str, list[str]]]) -> str:
    """The baseline as text: sorted, a fingerprint to a line, so that two branches rarely touch the same one."""
    files = {
        file: {rule: sorted(prints) for rule, prints in sorted(rules.items()) if prints}
        for file, rules in sorted(known.items())
        if any(rules.values())
    }
    return json.dumps({"trainlint_baseline": VERSION, "about": ABOUT, "files": files}, indent=1) + "\n"


def counted(entries: Iterable[FileEntry], relative: Callable[[str], str]) -> Known:
    """What a check found, as a baseline; `relative` gives the path from the baseline's folder."""
    known: Known = {}
    for entry in entries:
        for finding in entry["findings"]:
            if finding["suppressed"] is None:
                rules = known.setdefault(relative(finding["file"]), {})
                rules.setdefault(finding["rule"], []).append(finding["fingerprint"])
    return known


def compare(entries: Iterable[FileEntry], known: Known, relative: Callable[[str], str]) -> Compared:
    """The findings that the baseline does not know.

    As many findings of a rule in a file as were counted are known, also if their statements were edited.
    Where there are more, those with a fingerprint of the baseline are known, and all others are shown.
    """
    entries = list(entries)
    groups: dict[tuple[str, str], list[FindingEntry]] = {}
    for entry in entries:
        for finding in entry["findings"]:
            if finding["suppressed"] is None:
                groups.setdefault((relative(finding["file"]), finding["rule"]), []).append(finding)
    hidden: set[int] = set()
    gone = 0
    for (file, rule), found in groups.items():
        counted = known.get(file, {}).get(rule, [])
        gone += max(0, len(counted) - len(found))
        hidden.update(map(id, found if len(found) <= len(counted) else _same(found, counted)))
    checked = {relative(entry["file"]) for entry in entries if entry["file"]}
    for file in checked & known.keys():
        gone += sum(len(prints) for rule, prints in known[file].items() if (file, rule) not in groups)
    left: list[FileEntry] = [
        {**entry, "findings": [finding for finding in entry["findings"] if id(finding) not in hidden]}
        for entry in entries
    ]
    return Compared(left, len(hidden), gone)


def _same(found: list[FindingEntry], prints: list[str]) -> list[FindingEntry]:
    left = Counter(prints)
    same = []
    for finding in found:
        if left[finding["fingerprint"]] > 0:
            left[finding["fingerprint"]] -= 1
            same.append(finding)
    return same


def updated(known: Known, found: Known, checked: Collection[str]) -> Known:
    """The baseline with what was found now in the files that were checked, and what it knew of all others."""
    return {**{file: rules for file, rules in known.items() if file not in checked}, **found}


def pruned(known: Known, found: Known, checked: Collection[str], exists: Callable[[str], bool]) -> tuple[Known, int]:
    """The baseline without what is gone, and how many findings that was; nothing is added.

    Files that were not checked stay as they are while they exist.
    """
    left: Known = {}
    dropped = 0
    for file, rules in known.items():
        if file not in checked:
            if exists(file):
                left[file] = rules
            else:
                dropped += sum(map(len, rules.values()))
            continue
        for rule, prints in rules.items():
            now = found.get(file, {}).get(rule, [])
            kept = _kept(prints, now)
            dropped += len(prints) - len(kept)
            left.setdefault(file, {})[rule] = kept
    return left, dropped


def _kept(prints: list[str], now: list[str]) -> list[str]:
    """As many fingerprints as there are findings, at most as many as were counted: those that are there first."""
    left = Counter(now)
    same = []
    for each in prints:
        if left[each] > 0:
            left[each] -= 1
            same.append(each)
    edited = [each for each, n in left.items() for _ in range(n)]
    return same + edited[: len(prints) - len(same)]


def relative_to(base: str, folder: str) -> Callable[[str], str]:
    """Turns shown paths (relative to `folder` or absolute) into those from the folder `base`; both are absolute."""

    def relative(file: str) -> str:
        return posixpath.relpath(posixpath.join(folder, file), base)

    return relative
