"""How the server is put into the extension."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import trainlint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bundle():
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location("bundle", ROOT / "tools" / "bundle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, name: str, **files: str) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file.replace("__", "/").replace("_dot_", "."), content)
    return path


def test_wheels_that_differ_in_native_files_share_a_folder(bundle, tmp_path):
    """Equal files are kept once, native ones by their names; tests and scripts stay behind."""
    target = tmp_path / "libs"
    one = {"libcst__a_dot_py": "x", "libcst__native_dot_310_dot_so": "1", "libcst__tests__t_dot_py": "t"}
    two = {"libcst__a_dot_py": "x", "libcst__native_dot_311_dot_so": "2", "libcst-1_dot_data__scripts__s": "s"}

    native = [bundle.unpack(wheel(tmp_path, f"{i}.whl", **files), target) for i, files in enumerate((one, two))]

    assert [{"libcst/native.310.so"}, {"libcst/native.311.so"}] == native
    found = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert ["libcst/a.py", "libcst/native.310.so", "libcst/native.311.so"] == found


def test_wheels_that_differ_elsewhere_are_refused(bundle, tmp_path):
    """One folder cannot be right for both then."""
    target = tmp_path / "libs"
    bundle.unpack(wheel(tmp_path, "1.whl", libcst__a_dot_py="x"), target)

    with pytest.raises(SystemExit, match=r"libcst/a\.py of 2\.whl differs"):
        bundle.unpack(wheel(tmp_path, "2.whl", libcst__a_dot_py="y"), target)


def test_lock_has_all_that_the_package_needs(bundle):
    """Everything once, and the native package alone where only that is asked for."""
    every = re.findall(r"^([a-z0-9-]+)==", "".join(bundle.requirements(True)), re.MULTILINE)
    native = re.findall(r"^([a-z0-9-]+)==", "".join(bundle.requirements(False)), re.MULTILINE)

    assert {"attrs", "cattrs", "click", "libcst", "lsprotocol", "pathspec", "pygal", "pygls", "tomli"} <= set(every)
    assert ["libcst"] == native
    assert "pyyaml" not in every


def test_extension_and_server_have_one_version():
    """A package holds both."""
    assert trainlint.__version__ == json.loads((ROOT / "package.json").read_text("utf-8"))["version"]


def test_start_sees_nothing_of_the_environment(tmp_path):
    """The libraries beside the script come first, and the environment's site-packages are not on the path at all."""
    package = tmp_path / "libs" / "trainlint" / "cli"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "main.py").write_text("def main():\n    import sys\n    print(*sys.path, sep='\\n')\n")
    (tmp_path / "start.py").write_text((ROOT / "extension" / "start.py").read_text("utf-8"))

    done = subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "start.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    first, *others = done.stdout.splitlines()
    assert str(tmp_path / "libs") == first
    assert [] == [path for path in others if "site-packages" in path or path in ("", str(tmp_path))]
