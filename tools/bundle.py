"""Packages the extension with a server that needs nothing but a Python: `python tools/bundle.py [PLATFORM ...]`.

A package holds trainlint and what it imports, with one `libcst` folder: its wheels for Python 3.10 to 3.14 differ in
their native file alone, and each Python finds its own by name. The packages are those of requirements/bundle.lock, by
their hashes; PyYAML, which nothing that trainlint uses of libcst imports, is left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "vsix"
LOCK = ROOT / "requirements" / "bundle.lock"

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "linux-arm64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "alpine-x64": ("musllinux_1_2_x86_64",),
    "alpine-arm64": ("musllinux_1_2_aarch64",),
    "darwin-arm64": ("macosx_11_0_arm64",),
    "win32-x64": ("win_amd64",),
}
"""The platforms of Visual Studio Code, and the wheels that run there; libcst has none for Macs with Intel."""

NATIVE = "libcst"
"""The only package with native files."""

LEFT_OUT = ("libcst/tests/", "libcst/codemod/", "libcst/tool.py", "libcst/_parser/parso/tests/", "attr/tests/")
"""Parts of packages that nothing here imports."""

OF_EXTENSION = ("package.json", "package.nls.json", "LICENSE", "CHANGELOG.md")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"{', '.join(PLATFORMS)}, or all")
    parser.add_argument("--this-platform", action="store_true", help="print the name of this platform, and that is all")
    arguments = parser.parse_args()
    if arguments.this_platform:
        print(this_platform())
        return 0
    wanted = arguments.platforms or [this_platform()]
    wanted = list(PLATFORMS) if wanted == ["all"] else wanted
    unknown = [each for each in wanted if each not in PLATFORMS]
    if unknown:
        parser.error(f"unknown platform {unknown[0]}; known are {', '.join(PLATFORMS)}")
    for name in wanted:
        stage = staged(name)
        target = packaged(stage, name)
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


def this_platform() -> str:
    """The platform that this runs on."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
    system = {"linux": "linux", "darwin": "darwin", "win32": "win32"}[sys.platform]
    return f"{system}-{machine}"


def staged(name: str) -> Path:
    """A folder that holds all that a platform's package does, and nothing else."""
    stage = BUILD / name
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for file in OF_EXTENSION:
        shutil.copy(ROOT / file, stage)
    manifest = json.loads((ROOT / "package.json").read_text("utf-8"))
    for key in ("devDependencies", "scripts", "private"):
        del manifest[key]
    (stage / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    # All that lies here belongs into the package; without this file vsce asks whether it does.
    (stage / ".vscodeignore").write_text("", "utf-8")
    shutil.copy(ROOT / "extension" / "README.md", stage)
    shutil.copytree(ROOT / "extension" / "media", stage / "media")
    shutil.copytree(ROOT / "dist", stage / "dist", ignore=lambda _, names: [n for n in names if n.endswith(".vsix")])
    bundled = stage / "bundled"
    libraries(bundled / "libs", name)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "server" / "trainlint", bundled / "libs" / "trainlint", ignore=ignored)
    shutil.copy(ROOT / "extension" / "start.py", bundled)
    (bundled / "bundle.json").write_text(json.dumps({"platform": name, "pythons": PYTHONS}) + "\n", "utf-8")
    return stage


def libraries(target: Path, name: str) -> None:
    """Unpacks the wheels of a platform into one folder; equal files may come twice, others may not."""
    target.mkdir(parents=True)
    native_files = set()
    for number, python in enumerate(PYTHONS):
        wheels = downloaded(name, python, all_packages=number == 0)
        for wheel in wheels:
            native_files |= unpack(wheel, target)
    if len(native_files) != len(PYTHONS):
        raise SystemExit(f"{name}: {len(PYTHONS)} native files were expected, not {sorted(native_files)}")


def downloaded(name: str, python: str, all_packages: bool) -> list[Path]:
    """The wheels for a platform and a Python: of all packages, or of the one that is native."""
    folder = ROOT / "build" / "wheels" / name / python
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(requirements(all_packages)), "utf-8")
    tags = [f"--platform={tag}" for tag in (*PLATFORMS[name], "any")]
    version = python.replace(".", "")
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "10", "--timeout", "60",
            "download",
            "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(wanted),
            "--python-version", python, "--implementation", "cp", f"--abi=cp{version}", "--abi=none", *tags,
            "--dest", str(folder),
        ],
        check=True,
    )  # fmt: skip
    return sorted(folder.glob("*.whl"))


def requirements(all_packages: bool) -> list[str]:
    """The lines of the lock for all packages, or for the native one."""
    found: list[str] = []
    taken = False
    for line in LOCK.read_text("utf-8").splitlines(keepends=True):
        if line[:1].isalpha():
            taken = all_packages or line.startswith(f"{NATIVE}==")
        if taken and not line.strip().startswith("#"):
            found.append(line)
    return found


def unpack(wheel: Path, target: Path) -> set[str]:
    """Unpacks a wheel; the native files in it."""
    native = set()
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = info.filename
            if info.is_dir() or path.startswith(LEFT_OUT) or path.endswith((".dist-info/RECORD", ".dist-info/WHEEL")):
                continue
            # Scripts, manuals and lists of what a wheel was made of; nothing here reads them.
            if ".data/" in path or ".dist-info/sboms/" in path:
                continue
            data = archive.read(info)
            file = target / path
            if path.endswith((".so", ".pyd")):
                native.add(path)
            if file.exists() and file.read_bytes() != data:
                raise SystemExit(f"{path} of {wheel.name} differs from that of another wheel")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return native


def packaged(stage: Path, name: str) -> Path:
    """Makes the package of a platform from its folder, without the network."""
    version = json.loads((stage / "package.json").read_text("utf-8"))["version"]
    target = ROOT / "dist" / f"trainlint-{name}-{version}.vsix"
    subprocess.run(
        [
            str(ROOT / ".venv-node/bin/node"), str(ROOT / "node_modules/@vscode/vsce/vsce"), "package",
            "--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links", "--target", name,
            "--out", str(target),
        ],
        cwd=stage, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return target


if __name__ == "__main__":
    raise SystemExit(main())
