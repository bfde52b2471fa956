"""The files that a check reads."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from trainlint.batch.discovery import discover
from trainlint.config import Config, ConfigError


def tree(folder, *names: str) -> None:
    """Files in a folder; a name with a colon has content."""
    for name in names:
        name, _, content = name.partition(":")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def found(folder, *paths: str, config: Config | None = None) -> list[str]:
    """The files that a check of these paths reads, relative to the folder; all of it if no path is given."""
    chosen = discover([str(folder / path) for path in paths or ("",)], lambda _: config or Config())
    assert () == chosen.notices
    return [os.path.relpath(file, folder).replace(os.sep, "/") for file in chosen.files]


def notices(*paths: object) -> list[tuple[str, str, str]]:
    """What a check of these paths could not do."""
    chosen = discover([str(path) for path in paths], lambda _: Config())
    return [(notice.kind, notice.file, notice.message) for notice in chosen.notices]


def test_python_and_notebooks(tmp_path):
    """Python files and notebooks are found at any depth, in a stable order."""
    tree(tmp_path, "b.py", "a/c.ipynb", "a/b/d.pyw", "a-b/e.py", "x.txt", "B.PY", "y.pyc")

    assert ["B.PY", "a/b/d.pyw", "a/c.ipynb", "a-b/e.py", "b.py"] == found(tmp_path)


def test_each_file_once(tmp_path, monkeypatch):
    """A file that several paths mean is checked once."""
    tree(tmp_path, "a/b.py")
    monkeypatch.chdir(tmp_path)

    assert (str(tmp_path / "a" / "b.py"),) == discover(["a/b.py", ".", "./a"], lambda _: Config()).files


def test_default_folders_are_left_out(tmp_path):
    """Folders without own code are left out, environments by what is in them."""
    tree(
        tmp_path,
        "a.py",
        ".venv/b.py",
        "x/node_modules/c.py",
        "x/__pycache__/d.py",
        "build/e.py",
        ".ipynb_checkpoints/f.ipynb",
    )
    tree(tmp_path, "my_env/pyvenv.cfg", "my_env/lib/g.py", "conda/conda-meta/history", "conda/h.py")

    assert ["a.py"] == found(tmp_path)


def test_named_paths_are_always_checked(tmp_path):
    """What is named is checked, although it is left out, ignored, excluded or called otherwise."""
    tree(tmp_path, ".git/HEAD", ".gitignore:*.py\nbuild\n", "a.py", "build/b.py", "script", "old/d.py")
    config = Config(extend_exclude=("old/",), root=str(tmp_path))

    assert ["a.py", "old/d.py", "script"] == found(tmp_path, "a.py", "script", "old/d.py", config=config)
    assert ["build/b.py"] == found(tmp_path, "build", config=config)


def test_excludes(tmp_path):
    """`extend-exclude` adds to the folders that are left out, `exclude` takes their place."""
    tree(tmp_path, "a.py", "old/b.py", "build/c.py")
    root = str(tmp_path)

    assert ["a.py"] == found(tmp_path, config=Config(extend_exclude=("old/",), root=root))
    assert ["a.py", "build/c.py"] == found(tmp_path, config=Config(exclude=("old/",), root=root))
    assert ["build/c.py"] == found(tmp_path, config=Config(exclude=("/a.py",), extend_exclude=("o*/",), root=root))
    assert ["old/b.py"] == found(tmp_path, "old", config=Config(extend_exclude=("old/",), root=root))


IGNORED = (
    ".git/info/exclude:private.py\n", ".gitignore:# comment\n*.gen.py\n/top.py\nout/\n!keep.gen.py\n\\#x.py\n!\n",
    "a.gen.py", "keep.gen.py", "top.py", "sub/top.py", "sub/out/a.py", "out.py", "private.py", "#x.py", "normal.py",
    "sub/.gitignore:!b.gen.py\nlocal*.py\n/deep/*/no.py\r\n", "sub/b.gen.py", "sub/local1.py", "sub/deep/x/no.py",
    "sub/deep/x/yes.py", "local1.py", "sub/deep/no.py",
)  # fmt: skip


def test_gitignore(tmp_path):
    """Ignored files are left out, by .gitignore files at any depth and by the repository's own list."""
    tree(tmp_path, *IGNORED)

    assert [
        "keep.gen.py", "local1.py", "normal.py", "out.py",
        "sub/b.gen.py", "sub/deep/no.py", "sub/deep/x/yes.py", "sub/top.py",
    ] == found(tmp_path)  # fmt: skip
    assert ["sub/deep/no.py", "sub/deep/x/yes.py"] == found(tmp_path, "sub/deep")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_gitignore_like_git(tmp_path):
    """The files that are left are those that git would show."""
    tree(tmp_path, *IGNORED[1:])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / ".git"), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, env=environment)
    (tmp_path / ".git/info/exclude").write_text("private.py\n")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard", "*.py"],
        cwd=tmp_path, check=True, env=environment, capture_output=True, text=True,
    )  # fmt: skip

    assert sorted(filter(None, listed.stdout.split("\0"))) == sorted(found(tmp_path))


def test_repository_inside(tmp_path):
    """A repository inside of another one has its own rules."""
    tree(tmp_path, ".git/HEAD", ".gitignore:*.py", "inner/.git/HEAD", "inner/a.py", "b.py")

    assert ["inner/a.py"] == found(tmp_path)


def test_gitignore_without_repository(tmp_path):
    """Below a folder that is in no repository, .gitignore files count all the same."""
    tree(tmp_path, ".gitignore:a.py", "a.py", "b.py")

    assert ["b.py"] == found(tmp_path)


def test_links(tmp_path):
    """Links in circles are survived, links to folders not followed, links to files are files."""
    tree(tmp_path, "a/b.py")
    (tmp_path / "a/again").symlink_to("..")
    (tmp_path / "a/self.py").symlink_to("self.py")
    (tmp_path / "a/gone.py").symlink_to("nowhere.py")
    (tmp_path / "a/link.py").symlink_to("b.py")
    (tmp_path / "folder").symlink_to("a")

    assert ["a/b.py", "a/link.py"] == found(tmp_path)
    assert ["folder/b.py", "folder/link.py"] == found(tmp_path, "folder")


def test_names_that_are_no_text(tmp_path):
    """A file name that is no UTF-8 is a file name."""
    name = os.fsdecode(b"\xff.py")
    tree(tmp_path, ".gitignore:\u00e9*", "\u00e91.py")
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("the file system takes only text")

    assert [name] == found(tmp_path)


def test_missing(tmp_path):
    """A path that does not exist is a notice; the others are checked."""
    tree(tmp_path, "a.py")
    missing, circle = tmp_path / "b.py", tmp_path / "c.py"
    circle.symlink_to("c.py")

    assert [
        ("unreadable", str(missing), "No such file or directory"),
        ("unreadable", str(circle), "Too many levels of symbolic links"),
    ] == notices(missing, circle, tmp_path / "a.py")


def test_folder_without_python(tmp_path):
    """A folder that holds nothing to check is said to."""
    tree(tmp_path, "x/a.txt")

    assert [("incomplete", str(tmp_path / "x"), "no Python file or notebook in this folder")] == notices(tmp_path / "x")


def test_unreadable_folder(tmp_path, monkeypatch):
    """A folder that may not be read is a notice; the rest is checked."""
    tree(tmp_path, "a.py", "b/c.py")
    scandir = os.scandir

    def refuse(folder):
        if str(folder).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)

    assert [("unreadable", str(tmp_path / "b"), "Permission denied")] == notices(tmp_path)


def test_wrong_configuration_below(tmp_path):
    """A configuration that is wrong is said once; what is above it counts instead."""
    tree(tmp_path, "a.py", "b/c.py", "b/d/e.py")

    def config_for(folder: str) -> Config:
        if folder.startswith(str(tmp_path / "b")):
            raise ConfigError("b/pyproject.toml", "tool.trainlint.x: unknown key")
        return Config(extend_exclude=("e.py",), root=str(tmp_path))

    chosen = discover([str(tmp_path)], config_for)

    assert [str(tmp_path / "a.py"), str(tmp_path / "b/c.py")] == list(chosen.files)
    assert [("config", "b/pyproject.toml", "tool.trainlint.x: unknown key")] == [
        (notice.kind, notice.file, notice.message) for notice in chosen.notices
    ]
