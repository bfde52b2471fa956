"""Baselines: the findings that a code base is known to have, so that only new ones count.

They are counted by file and rule.
The fingerprints of what was counted tell which of more findings are the new ones; they hold neither line numbers nor
the name of the file, so moving code and renaming a file change nothing.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from typing import TYPE_CHECKING, Any

from trainlint.fingerprints import within_file
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from trainlint.report.schema import FileEntry, FindingEntry

VERSION = 1

ABOUT = "findings that were there when this was written; trainlint baseline create|prune write it"

Known = dict[str, dict[str, list[str]]]
"""Fingerprints by rule by file, files relative to the folder of the baseline with forward slashes."""


class BaselineError(ValueError):
    """A text that is no baseline; the text says in one line what is wrong with it."""


class Now(Record, eq=False):
    """What a check says of the files that a baseline may know.

    `checked` are the files that were checked, `exists` says whether there still is a file, and `asked` whether the
    check looked for a rule in it: what nobody looked for is not gone.
    """

    found: Known
    checked: Collection[str]
    exists: Callable[[str], bool]
    asked: Callable[[str, str], bool]


class Compared(Record, eq=False):
    """What a baseline leaves of a check: the entries, how many findings it hides, how many of its own are gone.

    `renamed` gives the old names of files by their new ones.
    """

    entries: list[FileEntry]
    hidden: int
    gone: int
    renamed: Mapping[str, str]


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
    for finding in _active(entries):
        rules = known.setdefault(relative(finding["file"]), {})
        rules.setdefault(finding["rule"], []).append(within_file(finding["fingerprint"]))
    return known


def compare(entries: Iterable[FileEntry], known: Known, now: Now, relative: Callable[[str], str]) -> Compared:
    """The findings that the baseline does not know.

    As many findings of a rule in a file as were counted are known, also if their statements were edited.
    Where there are more, those with a fingerprint of the baseline are known, and all others are shown.
    """
    entries = list(entries)
    known, renamed = followed(known, now)
    groups: dict[tuple[str, str], list[FindingEntry]] = {}
    for finding in _active(entries):
        groups.setdefault((relative(finding["file"]), finding["rule"]), []).append(finding)
    hidden: set[int] = set()
    for (file, rule), found in groups.items():
        prints = known.get(file, {}).get(rule, [])
        hidden.update(map(id, found if len(found) <= len(prints) else _same(found, prints)))
    left: list[FileEntry] = [
        {**entry, "findings": [finding for finding in entry["findings"] if id(finding) not in hidden]}
        for entry in entries
    ]
    return Compared(left, len(hidden), _pruned(known, now)[1], renamed)


def _active(entries: Iterable[FileEntry]) -> Iterator[FindingEntry]:
    return (finding for entry in entries for finding in entry["findings"] if finding["suppressed"] is None)


def _same(found: list[FindingEntry], prints: list[str]) -> list[FindingEntry]:
    left = Counter(prints)
    same = []
    for finding in found:
        if left[within_file(finding["fingerprint"])] > 0:
            left[within_file(finding["fingerprint"])] -= 1
            same.append(finding)
    return same


def followed(known: Known, now: Now) -> tuple[Known, dict[str, str]]:
    """The baseline with files under their new names, and the old names by the new ones.

    A file that is gone was renamed to the one that is new and has most of its findings, if that is at least half.
    """
    missing = [file for file in known if not now.exists(file)]
    new = [file for file in now.found if file not in known]
    pairs = []
    for before in missing:
        for after in new:
            n = _alike(known[before], now.found[after])
            if n and 2 * n >= sum(map(len, known[before].values())):
                pairs.append((-n, posixpath.basename(before) != posixpath.basename(after), before, after))
    renamed: dict[str, str] = {}
    for _, _, before, after in sorted(pairs):
        if after not in renamed and before not in renamed.values():
            renamed[after] = before
    names = {before: after for after, before in renamed.items()}
    return {names.get(file, file): rules for file, rules in known.items()}, renamed


def _alike(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> int:
    return sum((Counter(prints) & Counter(after.get(rule, ()))).total() for rule, prints in before.items())


def updated(known: Known, now: Now) -> Known:
    """The baseline with what was found now, and with what it knew of where nobody looked."""
    after: Known = {file: {rule: list(prints) for rule, prints in rules.items()} for file, rules in now.found.items()}
    for file, rules in followed(known, now)[0].items():
        for rule, prints in rules.items():
            if now.exists(file) and prints and not (file in now.checked and now.asked(file, rule)):
                # The check of another file may have shown a part of it.
                found = after.setdefault(file, {}).get(rule, [])
                after[file][rule] = sorted((Counter(prints) | Counter(found)).elements())
    return after


def pruned(known: Known, now: Now) -> tuple[Known, int, dict[str, str]]:
    """The baseline without what is gone, how many findings that was, and what was renamed; nothing is added.

    What was not looked for stays as it is while its file exists.
    """
    known, renamed = followed(known, now)
    left, dropped = _pruned(known, now)
    return left, dropped, renamed


def _pruned(known: Known, now: Now) -> tuple[Known, int]:
    left: Known = {}
    dropped = 0
    for file, rules in known.items():
        if not now.exists(file):
            dropped += sum(map(len, rules.values()))
            continue
        for rule, prints in rules.items():
            kept = prints
            if file in now.checked and now.asked(file, rule):
                kept = _kept(prints, now.found.get(file, {}).get(rule, []))
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
