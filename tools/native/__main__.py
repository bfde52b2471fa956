"""Makes a wheel with the heart of trainlint compiled by mypyc, for the Python and the system that run this.

    python tools/native                 # the wheel, in dist/
    python tools/native --only-build    # the package alone, in build/native, to be tried with PYTHONPATH

It finds what the plain wheel finds, in two thirds of the time. A compiler for C and the headers of Python are needed.
The texts lie beside the compiled files as they were compiled, for whoever reads a traceback.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from write_out import write_out

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "native"
PACKAGE = BUILD / "trainlint"

COMPILED = ("interpret", "program", "rules", "source", "tfapi", "analysis.py", "finding.py")
"""Where the time of a check goes."""

LEFT = (
    "source/notebook.py",  # half of a surrogate pair in a literal, which mypyc does not know
    "source/notebook_edits.py",  # its records hold those of notebook.py
    "source/parser.py",  # a class in a function
    "tfapi/tables/",  # data
)
"""What mypyc does not compile, or need not."""

DECLARED = ("Place", "Unit")
"""Compiled classes that fields of nodes are declared as, beside other nodes."""

SETUP = """
import re
import sys
from pathlib import Path
from setuptools import setup
from mypyc.build import mypycify

level, files = sys.argv.pop(), open("files.txt").read().split()
modules = mypycify(["--config-file", "mypy.ini", *files], opt_level=level, debug_level="0", multi_file=True)

# Every function looks how deep it is; what it returns with an error is mypyc's (mypyc/ir/rtypes.py, c_undefined).
FAILED = {"PyObject *": "NULL", "char ": "2", "CPyTagged ": "CPY_INT_TAG"}
ENTRY = re.compile(r"^(PyObject [*]|char |CPyTagged )(CPyDef_\\w+[(].*[)] {)$", re.MULTILINE)
for source in Path("build").glob("*.c"):
    text = ENTRY.sub(lambda m: f"{m[0]}\\n    if (trainlint_is_deep()) return {FAILED[m[1]]};", source.read_text())
    source.write_text('#include "depth.h"\\n' + text)
first = min(Path("build").glob("*.c"))
first.write_text(first.read_text() + Path("depth.c").read_text())
for module in modules:
    module.include_dirs.append(".")

setup(name="trainlint", packages=[], ext_modules=modules)
"""

MYPY = """
[mypy]
mypy_path = {folder}
explicit_package_bases = True
namespace_packages = True
check_untyped_defs = True
ignore_missing_imports = True
disable_error_code = call-arg, arg-type, misc
"""

HOOK = """
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Compiled(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data.update(pure_python=False, infer_tag=True)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where the wheel goes")
    parser.add_argument("--optimise", choices=("0", "1", "2", "3"), default="3", help="the level of the C compiler")
    parser.add_argument("--only-build", action="store_true", help="no wheel; the package stays in build/native")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        parser.error("compiled code looks how deep it is as Linux tells it; on other systems take the plain wheel")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        parser.error("the headers of this Python are missing; on Debian and Ubuntu: apt-get install python3-dev gcc")
    compile_package(write_out_package(), arguments.optimise)
    if not arguments.only_build:
        pack(arguments.output)
    return 0


def write_out_package() -> list[str]:
    """Puts the package into BUILD with its records written out; gives the files that are to be compiled."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(ROOT / "server" / "trainlint", PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    base = PACKAGE / "plain_record.py"
    shutil.copy(Path(__file__).with_name(base.name), base)
    files = [path for name in COMPILED for path in _sources(PACKAGE / name)]
    texts = {_module(path): path.read_text("utf-8") for path in files}
    for path, text in zip(files, write_out(texts, DECLARED).values(), strict=True):
        path.write_text(text, "utf-8")
    return [path.relative_to(BUILD).as_posix() for path in (*files, base)]


def compile_package(files: list[str], level: str) -> None:
    """Compiles files of the package in BUILD; the results come to lie beside them."""
    (BUILD / "files.txt").write_text("\n".join(files), "utf-8")
    (BUILD / "mypy.ini").write_text(MYPY.format(folder=BUILD), "utf-8")
    (BUILD / "setup.py").write_text(SETUP, "utf-8")
    for name in ("depth.c", "depth.h"):
        shutil.copy(Path(__file__).with_name(name), BUILD / name)
    jobs = f"-j{os.cpu_count()}"
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", jobs, level], cwd=BUILD, check=True
    )


def pack(output: Path) -> None:
    """A wheel of what lies in BUILD, with the metadata of the plain one."""
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, BUILD / name)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    project = project.replace(
        'packages = ["server/trainlint"]', 'packages = ["trainlint"]\nartifacts = ["*.so", "*.pyd"]'
    )
    project = project.replace('path = "server/trainlint/__init__.py"', 'path = "trainlint/__init__.py"')
    # Compiled classes that are to stay open are marked with it when they are made.
    project = project.replace("dependencies = [", 'dependencies = [\n    "mypy-extensions >= 1.0",', 1)
    shared = "".join(f'"{path.name}" = "{path.name}"\n' for path in BUILD.glob("*__mypyc.*") if path.is_file())
    wheel = "[tool.hatch.build.targets.wheel"
    project += f"\n{wheel}.force-include]\n{shared}\n{wheel}.hooks.custom]\n"
    (BUILD / "pyproject.toml").write_text(project, "utf-8")
    (BUILD / "hatch_build.py").write_text(HOOK, "utf-8")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(output.resolve())]
    subprocess.run(command, cwd=BUILD, check=True)


def _sources(path: Path) -> list[Path]:
    """The files at a path that are to be compiled."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [
        file for file in files
        if file.name != "__init__.py" and not file.relative_to(PACKAGE).as_posix().startswith(LEFT)
    ]  # fmt: skip


def _module(path: Path) -> str:
    return path.relative_to(BUILD).as_posix().removesuffix(".py").replace("/", ".")


if __name__ == "__main__":
    sys.exit(main())
