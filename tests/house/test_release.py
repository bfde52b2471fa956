"""A release is refused where versions differ, where nothing describes it, and where an artefact does not work."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from repositories import Repository

ROOT = Path(__file__).parents[2]

_spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
release = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(release)

CHANGELOG = "# Changelog\n\n## 1.2.3, 2026-01-01\n\n### New\n\n- This.\n\n## 1.2.2, 2025-01-01\n\n- That.\n"


@pytest.fixture
def root(tmp_path):
    """A project that is ready to be released as 1.2.3."""
    (tmp_path / "server/trainlint").mkdir(parents=True)
    (tmp_path / "server/trainlint/__init__.py").write_text('"""A."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / "package.json").write_text('{"version": "1.2.3"}')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "changelog.d/README.md").write_text("About.\n")
    (tmp_path / "action.yml").write_text('description: As in "trainlint==1.2.3".\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/ci.md").write_text("uses: actions/checkout@v4\nuses: OWNER/trainlint@v1.2.3\nrev: v1.2.3\n")
    return tmp_path


def refused(function, *args):
    """Why something was refused."""
    with pytest.raises(SystemExit) as caught:
        function(*args)
    return str(caught.value)


def test_everything_is_of_one_version(root):
    """The tag, the server, the extension and the changelog agree."""
    assert ["1.2.3", "1.2.3"] == [release.one_version(root, tag) for tag in ("v1.2.3", None)]


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("package.json", '{"version": "1.2.4"}', "release: the server is of version 1.2.3 and the extension of 1.2.4"),
        ("changelog.d/7.rule.md", "A rule.\n", "release: changelog.d/7.rule.md is not in the changelog yet: towncrier"),
        ("CHANGELOG.md", CHANGELOG.replace("1.2.3", "1.2.4"), "release: CHANGELOG.md says nothing of version 1.2.3"),
        ("CHANGELOG.md", CHANGELOG.replace("2026-01-01", "not released yet"), "release: CHANGELOG.md says that vers"),
        ("docs/ci.md", "rev: v1.2.2\n", "release: docs/ci.md tells people to use version 1.2.2"),
        ("action.yml", "trainlint==1.2.2\n", "release: action.yml tells people to use version 1.2.2"),
        ("server/trainlint/__init__.py", "", "release: server/trainlint/__init__.py has no version"),
    ],
)  # fmt: skip
def test_what_differs_is_refused(file, text, reason, root):
    """Whatever is not of the version is named."""
    (root / file).write_text(text)

    assert refused(release.one_version, root, "v1.2.3").startswith(reason)


def test_another_tag_is_refused(root):
    """The tag names the version of what is in it."""
    assert "release: the tag v1.2.4 is not that of version 1.2.3, v1.2.3" == refused(
        release.one_version, root, "v1.2.4"
    )


def test_notes_are_those_of_the_version(root):
    """The release tells its own changes and no others."""
    assert "### New\n\n- This." == release.notes(root, "1.2.3")


def test_this_version_is_one():
    """The server and the extension of this repository are of one version."""
    assert release.server_version(ROOT) == release.one_version(ROOT, None)


def extension(folder, start, version="1.2.3"):
    """An extension whose bundled server is this program."""
    with zipfile.ZipFile(folder / f"trainlint-linux-x64-{version}.vsix", "w") as archive:
        archive.writestr("extension/package.json", f'{{"version": "{version}", "main": "./dist/extension.js"}}')
        archive.writestr("extension/dist/extension.js", "")
        if start is not None:
            archive.writestr("extension/bundled/start.py", start)
    return folder / f"trainlint-linux-x64-{version}.vsix"


WORKS = (
    "import sys\n"
    "if '--version' in sys.argv: print('trainlint, version 1.2.3')\n"
    "else: print('{\"findings\": [1]}'); sys.exit(1)\n"
)


def test_an_extension_is_tried(tmp_path):
    """Its server is started by a Python that has nothing installed, and has to find the mistakes of a program."""
    (tmp_path / "out").mkdir()
    said = release.try_vsix(extension(tmp_path, WORKS), tmp_path / "out", "1.2.3")

    assert "trainlint, version 1.2.3" == said
    assert "finds nothing in docs/example.py" in refused(
        release.try_vsix, extension(tmp_path, "print('{}')"), tmp_path / "out", "1.2.3"
    )
    (tmp_path / "other").mkdir()
    assert "has no extension/bundled/start.py" in refused(
        release.try_vsix, extension(tmp_path, None), tmp_path / "other", "1.2.3"
    )


def test_every_kind_of_artefact_has_to_be_there(tmp_path):
    """A build that left something out is no release."""
    assert "release: there is no wheel in " in refused(release.try_all, tmp_path, "1.2.3")


def test_fragments_have_a_class():
    """What is written for the next release can be put together, with a class for false positives."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    settings = text.split("[tool.towncrier]")[1].split("[tool.importlinter]")[0]
    classes = [line.split('"')[1] for line in settings.split("\n") if line.startswith("directory = ")][1:]
    fragments = [path.name for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]

    assert "false_positive" in classes
    assert [] == [name for name in fragments if name.split(".")[-2] not in classes]


def towncrier(*args, folder=ROOT):
    """What is put together of the fragments."""
    command = [sys.executable, "-m", "towncrier", "build", *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_draft_of_the_next_release():
    """`make changelog` tells what is not released yet, each fragment once."""
    draft = towncrier("--draft", "--version", "next")
    fragments = list((ROOT / "changelog.d").glob("*.*.md"))

    assert draft.startswith("## next, ")
    assert len(fragments) == sum(line.startswith("- ") for line in draft.splitlines())


def test_this_tree_could_be_released(tmp_path):
    """The steps of a release leave a changelog that tells the version once, and nothing that is not in it."""
    now, version = release.server_version(ROOT), "999.0.0"
    tree = Repository(tmp_path).put("changelog.d/+test.false_positive.md", "Nothing is reported here any more.\n")
    for name in ("CHANGELOG.md", "pyproject.toml", "package.json", "server/trainlint/__init__.py", *release.GUIDES):
        tree.put(name, (ROOT / name).read_text("utf-8").replace(now, version))
    for path in (ROOT / "changelog.d").glob("*.md"):
        tree.put(f"changelog.d/{path.name}", path.read_text("utf-8"))
    tree.commit()
    assert " is not in the changelog yet" in refused(release.one_version, tmp_path, f"v{version}")
    towncrier("--yes", "--version", version, folder=tmp_path)

    assert version == release.one_version(tmp_path, f"v{version}")
    assert "### No longer reported\n\n- Nothing is reported here any more." in release.notes(tmp_path, version)
    assert 1 == (tmp_path / "CHANGELOG.md").read_text("utf-8").count(f"## {version}, ")
    assert ["README.md"] == [path.name for path in (tmp_path / "changelog.d").iterdir()]


@pytest.mark.skipif("TRAINLINT_INTEGRATIONS" not in os.environ, reason="TRAINLINT_INTEGRATIONS asks for what installs")
def test_wheel_and_sdist_work(tmp_path):
    """Both are built, installed where nothing else is, and find the mistakes of a program."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    version = release.server_version(ROOT)
    said = []
    for path in sorted((tmp_path / "dist").iterdir()):
        (tmp_path / path.name).mkdir()
        said.append(release.try_package(path, tmp_path / path.name))

    assert [f"trainlint, version {version}"] * 2 == said
