"""Where findings are for tools that review a repository: paths from its root, and lines of the file as it is stored."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.concise import one_line, verdict_words
from trainlint.report.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainlint.report.schema import FindingEntry, FixEntry, LineEntry, LocationEntry


class Region(Record):
    """A stretch of a stored file; a notebook's has no columns, since a line of a cell is a text inside of a line."""

    path: str
    line: int
    end_line: int
    column: int | None = None
    end_column: int | None = None


class Replacement(Record):
    """A fix as one piece of text in the place of another one."""

    location: LocationEntry
    text: str


class Places(Record, eq=False):
    """Turns places as they are shown into those in a repository.

    `root` is the absolute path of the repository and `folder` that of the working folder, both with forward slashes.
    `stored_line` gives the line of a notebook's file that holds a line of a cell, or None.
    """

    root: str = "/"
    folder: str = "/"
    stored_line: Callable[[str, int, int], int | None] = lambda file, cell, line: None

    def path(self, file: str) -> str:
        """The path from the root of the repository; an absolute one outside of it."""
        absolute = file if _is_absolute(file) else f"{self.folder.rstrip('/')}/{file}"
        inside = f"{self.root.rstrip('/')}/"
        return absolute[len(inside) :] if absolute.startswith(inside) else absolute

    def region(self, location: LocationEntry) -> Region:
        """The place in the file as it is stored."""
        path, cell = self.path(location["file"]), location["cell"]
        if cell is None:
            return Region(path, location["line"], location["end_line"], location["column"], location["end_column"])
        line = self.stored_line(location["file"], cell, location["line"]) or 1
        end = self.stored_line(location["file"], cell, location["end_line"]) or line
        return Region(path, line, max(line, end))


def uri(path: str) -> str:
    """The path as a URI: relative, or with the scheme `file` where it is absolute."""
    # Imported late: most formats have paths and no URIs.
    from urllib.parse import quote

    quoted = quote(path.encode("utf-8", "surrogateescape"), safe="/:@" if _is_absolute(path) else "/@")
    return quoted if not _is_absolute(path) else f"file:///{quoted.lstrip('/')}"


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or path[1:3] == ":/"


def told(finding: FindingEntry) -> str:
    """The message of a finding on one line, with what it depends on and what a probe says of it."""
    parts = [one_line(finding["message"])]
    if finding["cell"] is not None:
        parts[0] = f"cell {finding['cell'] + 1}, line {finding['line']}: {parts[0]}"
    if finding["world"]:
        parts.append(f"(when {one_line(finding['world'])})")
    if words := verdict_words(finding):
        parts.append(f"[probe: {words}]")
    return " ".join(parts)


def advice(finding: FindingEntry) -> list[str]:
    """A line for each fix: what it does, and where if that is not the line of the finding."""
    found = []
    for fix in finding["fixes"]:
        lines = {(edit["file"], edit["cell"], edit["line"]) for edit in fix["edits"]}
        here = lines == {(finding["file"], finding["cell"], finding["line"])}
        where = "" if here or len(lines) != 1 else f", {_there(next(iter(lines)), finding)}"
        found.append(f"Fix ({fix['safety']}{where}): {one_line(fix['title'])}")
    return found


def _there(place: tuple[str, int | None, int], finding: FindingEntry) -> str:
    file, cell, line = place
    where = f"line {line}" if cell is None else f"cell {cell + 1}, line {line}"
    return where if file == finding["file"] else f"{plain(file)}, {where}"


def active(findings: Sequence[FindingEntry], with_information: bool) -> list[FindingEntry]:
    """The findings that no comment silences; without those of judgement unless they are wanted."""
    return [
        finding
        for finding in findings
        if finding["suppressed"] is None and (with_information or finding["severity"] != "info")
    ]


def numbered(findings: Sequence[FindingEntry]) -> list[tuple[FindingEntry, int]]:
    """Each finding with how often its fingerprint came up so far, from 1.

    What two programs do with one module is two findings, in equal statements of it with one fingerprint; services
    show one of such a kind and drop the others.
    """
    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        seen[finding["fingerprint"]] += 1
        found.append((finding, seen[finding["fingerprint"]]))
    return found


def by_importance(finding: FindingEntry) -> tuple[object, ...]:
    """The key that puts what most likely matters first."""
    gravity = ("error", "warning", "info").index(finding["severity"])
    return (
        gravity == 2,
        gravity,
        -finding["rank"],
        finding["file"],
        finding["cell"] or 0,
        finding["line"],
        finding["column"],
    )


def text_of(location: LocationEntry, line: int, lines: Sequence[LineEntry]) -> str | None:
    """The text of a line of a location's file without its end, or None where it is not known."""
    for each in lines:
        if (each["file"], each["cell"], each["line"]) == (location["file"], location["cell"], line):
            return each["text"].rstrip("\r\n")
    return None


def replacement(fix: FixEntry, lines: Sequence[LineEntry]) -> Replacement | None:
    """The edits of a fix as one, with the text between them; None where they are in several files or far apart.

    Half of a fix is no fix: whoever takes one replacement at a time gets the whole or nothing.
    """
    edits = sorted(fix["edits"], key=lambda edit: (edit["line"], edit["column"]))
    if not edits or len({(edit["file"], edit["cell"]) for edit in edits}) > 1:
        return None
    first, last = edits[0], edits[-1]
    text = edits[0]["text"]
    for before, after in pairwise(edits):
        between = _between(before, after, lines)
        if between is None:
            return None
        text += between + after["text"]
    whole: LocationEntry = {
        "file": first["file"], "cell": first["cell"], "line": first["line"], "column": first["column"],
        "end_line": last["end_line"], "end_column": last["end_column"],
    }  # fmt: skip
    return Replacement(whole, text)


def widened(whole: Replacement, first: int, last: int, lines: Sequence[LineEntry]) -> Replacement | None:
    """The replacement of all text from line `first` to line `last`, None where it is not a part of these."""
    location = whole.location
    if location["line"] == first and location["end_line"] == last:
        return whole
    if location["line"] < first or location["end_line"] > last:
        return None
    end = text_of(location, last, lines)
    around: LocationEntry = {**location, "line": first, "column": 1, "end_line": last, "end_column": len(end or "") + 1}
    before = _between({**location, "end_line": first, "end_column": 1}, location, lines)
    after = _between(location, {**location, "line": last, "column": around["end_column"]}, lines)
    if end is None or before is None or after is None:
        return None
    return Replacement(around, f"{before}{whole.text}{after}")


def _between(before: LocationEntry, after: LocationEntry, lines: Sequence[LineEntry]) -> str | None:
    texts = [text_of(before, number, lines) for number in range(before["end_line"], after["line"] + 1)]
    if any(text is None for text in texts):
        return None
    known = [text for text in texts if text is not None]
    # The end first: both may be on one line, and columns count from its start.
    known[-1] = known[-1][: after["column"] - 1]
    known[0] = known[0][before["end_column"] - 1 :]
    return "\n".join(known)
