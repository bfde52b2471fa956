"""Reading files and finding the modules that an import means."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.project import Project, ReadError


@pytest.fixture
def project(tmp_path):
    """A project with scripts, a package, a src layout and installed packages."""
    for name in (
        "train.py", "utils.py", "keras.py",
        "pkg/__init__.py", "pkg/net.py", "pkg/sub/__init__.py", "pkg/sub/blocks.py", "pkg/sub/local.py",
        "scripts/run.py", "scripts/helper.py", "space/deep/layers.py", "space/__main__.py",
        "src/lib/__init__.py", "src/lib/data.py",
        "venv/lib/site-packages/installed.py", "both.py", "both/__init__.py",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Project(tmp_path)


def resolved(project, module, importer, level=0):
    """The file that the import means, relative to the root."""
    found = project.resolve(module, level, project.root / importer)
    return None if found is None else os.path.relpath(found, project.root)


@pytest.mark.parametrize(
    ("module", "importer", "expected"),
    [
        ("utils", "train.py", "utils.py"),
        ("pkg", "train.py", "pkg/__init__.py"),
        ("pkg.sub.blocks", "train.py", "pkg/sub/blocks.py"),
        ("pkg.missing", "train.py", None),
        ("pkg.net.Class", "train.py", None),
        ("helper", "scripts/run.py", "scripts/helper.py"),
        ("utils", "scripts/run.py", "utils.py"),
        ("pkg.net", "pkg/sub/blocks.py", "pkg/net.py"),
        ("local", "pkg/sub/blocks.py", "pkg/sub/local.py"),
        ("net", "pkg/sub/blocks.py", "pkg/net.py"),
        ("lib.data", "train.py", "src/lib/data.py"),
        ("lib", "scripts/run.py", "src/lib/__init__.py"),
        ("space.deep.layers", "train.py", "space/deep/layers.py"),
        ("space.deep", "train.py", None),
        ("both", "train.py", "both/__init__.py"),
        ("keras", "train.py", "keras.py"),
        ("keras", "keras.py", None),
        ("tensorflow", "train.py", None),
        ("venv.lib.site-packages.installed", "train.py", None),
        ("", "train.py", None),
        ("..", "train.py", None),
    ],
)
def test_absolute_imports(project, module, importer, expected):
    """An absolute import means a module beside the importer, of its package's folder, or below the root."""
    assert expected == resolved(project, module, importer)


@pytest.mark.parametrize(
    ("module", "level", "importer", "expected"),
    [
        ("local", 1, "pkg/sub/blocks.py", "pkg/sub/local.py"),
        ("net", 2, "pkg/sub/blocks.py", "pkg/net.py"),
        ("", 1, "pkg/sub/blocks.py", "pkg/sub/__init__.py"),
        ("sub.local", 1, "pkg/__init__.py", "pkg/sub/local.py"),
        ("utils", 1, "pkg/sub/blocks.py", None),
        ("", 1, "train.py", None),
        ("x", 99, "train.py", None),
    ],
)
def test_relative_imports(project, module, level, importer, expected):
    """A relative import means a module of the importer's own package and nothing else."""
    assert expected == resolved(project, module, importer, level)


def test_root_that_is_a_package(tmp_path):
    """Where the root is a package itself, its modules are found with and without its name."""
    root = tmp_path / "repo"
    (root / "sub").mkdir(parents=True)
    for name in ("__init__.py", "utils.py", "sub/__init__.py", "sub/a.py"):
        (root / name).touch()
    project = Project(root)

    assert "utils.py" == resolved(project, "utils", "sub/a.py")
    assert "utils.py" == resolved(project, "repo.utils", "sub/a.py")


def test_importer_outside_of_the_root(project, tmp_path_factory):
    """A file outside of the root sees its own folder only."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "beside.py").touch()

    assert str(elsewhere / "beside.py") == project.resolve("beside", 0, elsewhere / "a.py")
    assert project.resolve("utils", 0, elsewhere / "a.py") is None


def test_asked(project):
    """Everything that was looked at is recorded, also what is not there."""
    resolved(project, "utils", "train.py")
    resolved(project, "numpy", "train.py")
    asked = {os.path.relpath(path, project.root): kind for path, kind in project.asked.items()}

    assert "file" == asked["utils.py"]
    assert ("missing", "missing") == (asked["numpy"], asked["numpy.py"])


def test_asked_holds_for_each_analysis(project):
    """What an earlier analysis looked at is recorded again for the next one."""
    resolved(project, "utils", "train.py")
    first = dict(project.asked)
    project.asked.clear()
    resolved(project, "utils", "train.py")

    assert first == project.asked


def test_new_files_are_seen(project):
    """A file that came is found after `forget`."""
    assert resolved(project, "new", "train.py") is None
    (project.root / "new.py").touch()
    project.forget()

    assert "new.py" == resolved(project, "new", "train.py")


def test_overlay(project):
    """An open buffer comes before the file, and may stand for one that does not exist."""
    new = str(project.root / "fresh" / "net.py")
    project.overlay = {new: b"x = 1", str(project.root / "train.py"): b"y = 2"}

    assert "fresh/net.py" == resolved(project, "fresh.net", "train.py")
    assert (b"x = 1", b"y = 2") == (project.read(new), project.read(project.root / "train.py"))


def test_read_errors(project):
    """What cannot be read is an OSError whose text is one line."""
    root = project.root
    (root / "loop.py").symlink_to("loop.py")
    os.mkfifo(root / "pipe.py")
    expected = {
        "missing.py": "No such file or directory",
        "pkg": "Is a directory",
        "loop.py": "Too many levels of symbolic links",
        "pipe.py": "not a regular file",
    }
    for name, reason in expected.items():
        with pytest.raises(ReadError) as caught:
            project.read(root / name)

        assert (f"{root / name}: {reason}", reason) == (str(caught.value), caught.value.reason)
    with pytest.raises(ReadError, match="not a file name"):
        project.read("a\0b")
    with pytest.raises(ReadError) as caught:
        project.read(str(root / "a\nb\udcff"))
    assert 1 == len(str(caught.value).encode().splitlines())


def test_error_travels():
    """The error arrives whole from another process."""
    error = pickle.loads(pickle.dumps(ReadError("a.py", "gone")))

    assert ("a.py: gone", "gone") == (str(error), error.reason)


def test_links_in_circles(project):
    """A folder that links to itself, or into a circle, is no obstacle."""
    (project.root / "circle").symlink_to("circle")
    (project.root / "again").symlink_to(".")

    assert resolved(project, "circle.net", "train.py") is None
    assert "again/utils.py" == resolved(project, "again.utils", "train.py")


@given(st.text(max_size=8) | st.sampled_from(["a.b", "..", "a\0b", "/etc", "x" * 5000]), st.integers(-1, 3), st.text())
def test_any_import(module, level, importer):
    """No import makes resolving fail."""
    Project("/nowhere").resolve(module, level, "/nowhere/" + importer.replace("\0", ""))
    Project("/").resolve(module, level, "/" + importer)


def test_import_is_cheap():
    """The project costs no import of a parser for formats that are not there."""
    code = "import sys, trainlint.project; sys.exit(bool({'tomllib', 'pathspec', 'json', 'libcst'} & set(sys.modules)))"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
