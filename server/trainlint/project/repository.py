"""What git says of the files: which lines differ from where a branch began."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from trainlint.project.roots import folder_of, repository_root
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OPERATOR = re.compile(r"^-|^\s*$|[~^:?*\[\\]|@\{|\.\.")
"""What stands in no name of a branch or tag, but in what leads from one commit to another."""

_DEEPEN = (
    "`git fetch --unshallow` fetches the rest "
    "(on GitHub: `fetch-depth: 0` for actions/checkout; on GitLab: `GIT_DEPTH: 0`)"
)

_OF_A_HOOK = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE")
"""Git tells its hooks which repository they are of; folders here may be in others."""

TIMEOUT = 120
"""Seconds after which git is given up; a diff of a large repository takes a few."""


class RepositoryError(Exception):
    """Git cannot say what changed; the text says in one line why, and what helps."""


class Changed(Record):
    """What of a file differs from the base.

    `lines` are stretches of lines (from 1, both ends included), None for the whole file.
    `before` is the file in the base as `git show` takes it, None if it is new.
    """

    lines: tuple[tuple[int, int], ...] | None = None
    before: str | None = None

    def touches(self, first: int, last: int) -> bool:
        """Whether one of these lines differs."""
        return self.lines is None or any(start <= last and first <= end for start, end in self.lines)


NOTHING = Changed(())
"""A file that is as it was."""


class Changes:
    """What differs between the files as they are now and the commit where the work on them left `ref`.

    That is the merge base of `ref` and HEAD, so what others did on `ref` since then, or what was merged from there,
    does not count; commits, staged and unstaged changes and untracked files do.
    Every repository is asked once; of a submodule what its repository has of it in the base counts.
    Raises RepositoryError where git cannot tell.
    """

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self._roots: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._known: dict[str, dict[str, Changed]] = {}
        self._gone: dict[str, dict[str, str]] = {}
        self._tracked: dict[str, frozenset[str]] = {}
        self._older: dict[str, dict[str, bytes | None]] = {}

    def of(self, path: str) -> Changed:
        """What changed of a file."""
        path = os.path.realpath(path)
        root = self.repository(os.path.dirname(path))
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        changed = self._known[root].get(relative)
        if changed is not None:
            return changed
        # What git does not know was never reviewed.
        return NOTHING if relative in self._tracked[root] else Changed()

    def base_text(self, path: str) -> bytes | None:
        """A changed file's content in the base; None if it is new."""
        changed = self.of(path)
        if changed.before is None:
            return None
        return _git(self.repository(os.path.dirname(os.path.realpath(path))), "cat-file", "blob", changed.before)

    def older(self, path: str) -> dict[str, bytes | None]:
        """The texts in the base of all Python files and notebooks of a file's repository that differ; None if new.

        A file that was renamed is among them with both of its names.
        """
        root = self.repository(os.path.dirname(os.path.realpath(path)))
        if root not in self._older:
            blobs = {name: changed.before for name, changed in self._known[root].items()} | self._gone[root]
            self._older[root] = {
                os.path.join(root, name): None if blob is None else _git(root, "cat-file", "blob", blob)
                for name, blob in blobs.items()
                if name.endswith((".py", ".ipynb"))
            }
        return self._older[root]

    def repository(self, folder: str) -> str:
        """The root of the repository that a folder is in, asked what changed in it."""
        folder = os.path.realpath(folder_of(folder))
        holder = repository_root(folder) or folder
        if holder not in self._roots:
            root = _root(holder)
            if root not in self._known:
                base = self._recorded(root) or _base(root, self.ref)
                known, gone = _changed(root, base)
                self._tracked[root] = frozenset(_names(root, "--cached"))
                self._bases[root], self._known[root], self._gone[root] = base, known, gone
            self._roots[holder] = root
        return self._roots[holder]

    def _recorded(self, root: str) -> str | None:
        """What of a submodule is in the base of its repository, if that one was asked; None if it is none."""
        above = os.fsdecode(_git(root, "rev-parse", "--show-superproject-working-tree").removesuffix(b"\n"))
        holder = os.path.realpath(above) if above else ""
        if holder not in self._bases:
            return None
        relative = os.path.relpath(root, holder).replace(os.sep, "/")
        listed = _git(holder, "ls-tree", "-z", self._bases[holder], "--", relative).split(b"\t")[0].split()
        if len(listed) != 3 or listed[1] != b"commit":
            # It came since then.
            return _git(root, "hash-object", "-t", "tree", "--stdin").decode().strip()
        commit = listed[2].decode()
        if _commit(root, commit) is None:
            raise RepositoryError(
                f"the submodule {root} lacks the commit that it had in {self.ref!r}; to fetch it: "
                f"git -C {shlex.quote(root)} fetch origin {commit}"
            )
        return commit


def _root(folder: str) -> str:
    shown = folder or "."
    try:
        bare, *rest = _git(folder, "rev-parse", "--is-bare-repository", "--show-cdup").decode().split("\n")
    except RepositoryError as error:
        if "not a git repository" in str(error):
            raise RepositoryError(f"{shown} is in no git repository") from None
        if "work tree" in str(error):
            raise RepositoryError(f"{shown} is in a bare repository, which has no files to check") from None
        raise
    if bare == "true":
        raise RepositoryError(f"{shown} is in a bare repository, which has no files to check")
    return os.path.realpath(os.path.join(folder, rest[0] if rest else ""))


def _base(root: str, ref: str) -> str:
    """The commit where the work left the ref."""
    commit = _commit(root, ref)
    if commit is None:
        raise RepositoryError(f"git knows no commit {ref!r} {_shown(root)}{_how_to_fetch(root, ref)}")
    if _commit(root, "HEAD") is None:
        raise RepositoryError("there is no commit yet, so nothing to compare with")
    try:
        return _git(root, "merge-base", commit, "HEAD").decode().split("\n")[0]
    except RepositoryError as error:
        if _is_shallow(root):
            raise RepositoryError(
                f"the clone is too shallow to tell where the branch left {ref!r}: {_DEEPEN}"
            ) from None
        if str(error).endswith("without a message"):
            raise RepositoryError(f"{ref!r} and HEAD have no commit in common") from None
        raise


def _shown(root: str) -> str:
    """Where that is; mostly it is the repository that somebody works in."""
    here = f"{os.path.realpath(os.curdir)}{os.sep}".startswith(root.rstrip(os.sep) + os.sep)
    return "here" if here else f"in {root}"


def _commit(root: str, ref: str) -> str | None:
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
    except RepositoryError:
        return None


def _how_to_fetch(root: str, ref: str) -> str:
    if _OPERATOR.search(ref):
        return f"; {_DEEPEN}" if _is_shallow(root) else ""
    remotes = _git(root, "remote").decode("utf-8", "replace").split()
    remote, _, branch = ref.partition("/")
    if remote in remotes and branch:
        # A clone of one branch has no place for others of its own.
        return f"; to fetch it: git fetch {remote} {branch}:refs/remotes/{ref}"
    if not remotes:
        return ""
    origin = "origin" if "origin" in remotes else remotes[0]
    if _HASH.fullmatch(ref):
        return f"; to fetch it: git fetch {origin} {ref}"
    return f"; to fetch it: git fetch {origin} {ref}:refs/remotes/{origin}/{ref}, then name {origin}/{ref}"


def _is_shallow(root: str) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _changed(root: str, base: str) -> tuple[dict[str, Changed], dict[str, str]]:
    """The files that differ from the base, by their path from the root; the blobs of names that are gone."""
    found: dict[str, Changed] = {}
    before, gone = _before(root, base)
    patch = _git(
        root, "diff", "--unified=0", "--inter-hunk-context=0", "--find-renames", "--no-color", "--no-ext-diff",
        "--no-textconv", "--text", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules",
        base, "--",
    )  # fmt: skip
    for name, lines in _hunks(patch):
        found[name] = Changed(lines, before.get(name))
    for name, blob in before.items():
        # Renamed, or another mode, and nothing else.
        found.setdefault(name, Changed((), blob))
    for name in _names(root, "--others", "--exclude-standard"):
        found[name] = Changed()
    return found, gone


def _before(root: str, base: str) -> tuple[dict[str, str], dict[str, str]]:
    """For files that existed in the base, under whatever name, the blob that they were; and those of gone names."""
    raw = _git(
        root, "diff", "--raw", "-z", "--no-abbrev", "--find-renames", "--no-relative", "--ignore-submodules", base, "--"
    )
    fields = iter(raw.split(b"\0"))
    found, gone = {}, {}
    for head in fields:
        if not head.startswith(b":"):
            continue
        _, _, old, _, status = head.split(b" ")
        name = next(fields)
        if status[:1] in b"RD":
            gone[os.fsdecode(name)] = old.decode()
        if status[:1] in b"RC":
            name = next(fields)
        if status[:1] not in b"AD":
            found[os.fsdecode(name)] = old.decode()
    return found, gone


def _hunks(patch: bytes) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    """The changed lines of each file in a patch without context."""
    name: str | None = None
    lines: list[tuple[int, int]] = []
    # Lines of a hunk that look like heads of one are passed over by counting.
    left = 0
    for line in patch.split(b"\n"):
        if left:
            left -= not line.startswith(b"\\")
            continue
        if line.startswith(b"diff --git ") and name is not None:
            yield name, tuple(lines)
            name, lines = None, []
        elif line.startswith(b"+++ "):
            name = _name(line[4:])
            lines = []
        elif match := _HUNK.match(line):
            start, n = int(match[1]), int(match[2] or 1)
            if n:
                lines.append((start, start + n - 1))
            removed = re.match(rb"@@ -\d+(?:,(\d+))?", line)
            left = n + int((removed[1] if removed else None) or 1)
            if removed and removed[1] == b"0":
                left = n
    if name is not None:
        yield name, tuple(lines)


def _name(written: bytes) -> str | None:
    """The path in a head of a patch; None for /dev/null."""
    if written.startswith(b'"'):
        inner = written[1 : written.rindex(b'"')]
        written = _ESCAPE.sub(
            lambda match: bytes([int(match[1], 8)]) if len(match[1]) == 3 else _ESCAPES.get(match[1], match[1]), inner
        )
    else:
        written = written.removesuffix(b"\t")
    return os.fsdecode(written[2:]) if written.startswith(b"b/") else None


def _names(root: str, *kinds: str) -> Iterable[str]:
    listed = _git(root, "ls-files", "-z", "--full-name", *kinds, ":/")
    return (os.fsdecode(name) for name in listed.split(b"\0") if name)


def _git(folder: str, *args: str) -> bytes:
    """What git prints; raises RepositoryError with git's own words where it fails."""
    # In the language that is looked for, and never waiting for a password.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false", *args]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT
        )
    except FileNotFoundError:
        if not os.path.isdir(folder):
            raise RepositoryError(f"{folder} is no folder") from None
        raise RepositoryError("git is not installed, or not on the path") from None
    except subprocess.TimeoutExpired:
        raise RepositoryError(f"git did not answer within {TIMEOUT} seconds") from None
    except OSError as error:
        raise RepositoryError(f"git cannot be started: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        if "dubious ownership" in said:
            said += f"; if you trust it: git config --global --add safe.directory {folder}"
        raise RepositoryError(f"git says: {said}" if said else f"git {args[0]} failed without a message")
    return done.stdout
