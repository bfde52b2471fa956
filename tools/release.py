"""What a release has to be: of one version everywhere, described, and working where nothing else is installed.

    python tools/release.py versions [TAG]   # refuses where the server, the extension, the changelog and the tag differ
    python tools/release.py try FOLDER       # installs and starts each artefact in an empty environment
    python tools/release.py notes            # what the changelog says of the version

Only the standard library is used: this runs where nothing is installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]

FRAGMENTS = "changelog.d"

GUIDES = ("action.yml", "docs/ci.md")
"""What names the version that people should use."""

EXAMPLE = "docs/example.py"
"""A program with mistakes."""


def main(args: list[str]) -> int:
    """Does what the first argument says."""
    if args[:1] == ["versions"] and len(args) <= 2:
        print(f"everything is of version {one_version(ROOT, args[1] if len(args) == 2 else None)}")
    elif args[:1] == ["try"] and len(args) == 2:
        try_all(Path(args[1]), server_version(ROOT))
    elif args == ["notes"]:
        print(notes(ROOT, server_version(ROOT)))
    else:
        refuse(str(__doc__).strip())
    return 0


def refuse(reason: str) -> NoReturn:
    """Ends with the reason."""
    raise SystemExit(f"release: {reason}")


# Versions -------------------------------------------------------------------------------------------------------------


def one_version(root: Path, tag: str | None) -> str:
    """The version of everything; ends with the reason where two differ or the changelog is not ready."""
    version = server_version(root)
    extension = json.loads((root / "package.json").read_text("utf-8"))["version"]
    if extension != version:
        refuse(f"the server is of version {version} and the extension of {extension}")
    if tag is None:
        return version
    if tag != f"v{version}":
        refuse(f"the tag {tag} is not that of version {version}, v{version}")
    left = sorted(path.name for path in (root / FRAGMENTS).glob("*.*.md"))
    if left:
        refuse(f"{FRAGMENTS}/{left[0]} is not in the changelog yet: towncrier build --version {version}")
    notes(root, version)
    for name in GUIDES:
        for other in re.findall(r"(?:@v|rev: v|trainlint==)(\d+\.\d+\.\d+)", (root / name).read_text("utf-8")):
            if other != version:
                refuse(f"{name} tells people to use version {other}")
    return version


def server_version(root: Path) -> str:
    """The version of the server."""
    text = (root / "server" / "trainlint" / "__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        refuse("server/trainlint/__init__.py has no version")
    return found[1]


def notes(root: Path, version: str) -> str:
    """What the changelog says of a version; ends with the reason where it says nothing, or that it is not released."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(version)}\b(.*)\n((?:(?!^## ).*\n?)*)", text, re.MULTILINE)
    if found is None or not found[2].strip():
        refuse(f"CHANGELOG.md says nothing of version {version}")
    if "not released" in found[1]:
        refuse(f"CHANGELOG.md says that version {version} is not released yet")
    return found[2].strip()


# Artefacts ------------------------------------------------------------------------------------------------------------


def try_all(folder: Path, version: str) -> None:
    """Tries every artefact of a folder; ends with the reason where one is missing or does not work."""
    artefacts = sorted(folder.glob("*"))
    for suffix, kind in ((".whl", "wheel"), (".tar.gz", "sdist"), (".vsix", "extension")):
        found = [path for path in artefacts if path.name.endswith(suffix)]
        if not found:
            refuse(f"there is no {kind} in {folder}")
        for path in found:
            if version not in path.name:
                refuse(f"{path.name} is not of version {version}")
            with tempfile.TemporaryDirectory(prefix="trainlint-") as temporary:
                said = (
                    try_vsix(path, Path(temporary), version)
                    if suffix == ".vsix"
                    else try_package(path, Path(temporary))
                )
            if said != f"trainlint, version {version}":
                refuse(f"{path.name} says that it is {said!r}")
            print(f"{path.name} works")


def try_package(path: Path, temporary: Path) -> str:
    """Installs a wheel or sdist into an environment that has nothing else, and checks a program with it."""
    venv.create(temporary / "environment", with_pip=True)
    programs = temporary / "environment" / ("Scripts" if os.name == "nt" else "bin")
    run(str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", str(path.resolve()))
    run(str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "check")
    return try_command([str(programs / "trainlint")], temporary)


def try_vsix(path: Path, temporary: Path, version: str) -> str:
    """Unpacks an extension and checks a program with the server in it, by a Python that has nothing installed."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(temporary)
    manifest = json.loads((temporary / "extension" / "package.json").read_text("utf-8"))
    if manifest["version"] != version:
        refuse(f"{path.name} holds an extension of version {manifest['version']}")
    main = temporary / "extension" / manifest["main"]
    start = temporary / "extension" / "bundled" / "start.py"
    for needed in (main, start):
        if not needed.is_file():
            refuse(f"{path.name} has no {needed.relative_to(temporary).as_posix()}")
    # Without site-packages; what is native is of another platform in most of them, and the example needs none of it.
    return try_command([sys.executable, "-I", "-S", str(start)], temporary)


def try_command(command: list[str], folder: Path) -> str:
    """What a trainlint says that it is, when it also finds the mistakes of the example."""
    example = folder / "example.py"
    example.write_bytes((ROOT / EXAMPLE).read_bytes())
    done = subprocess.run(
        [*command, "check", "--isolated", "--output-format", "json", str(example)],
        cwd=folder, env=bare(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)["findings"] if done.returncode == 1 else []
    if not found:
        refuse(f"{command[-1]} finds nothing in {EXAMPLE}, status {done.returncode}: {done.stderr.strip()}")
    return run(*command, "--version").strip()


def run(*command: str) -> str:
    """What a command prints; ends with what it said where it failed."""
    done = subprocess.run(command, env=bare(), capture_output=True, text=True, check=False)
    if done.returncode:
        refuse(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def bare() -> dict[str, str]:
    """The environment without what would lend modules."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
