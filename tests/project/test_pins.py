"""Version pins in the files that projects write them in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.project import Pins, Project
from trainlint.project.pins import read_pins
from trainlint.project.requirements import requirement


def pins(folder, **files: str | bytes) -> list[tuple[str, str]]:
    """The pins of a project with these files; `__` stands for a dot, `_S_` for a slash."""
    for name, content in files.items():
        path = folder / name.replace("__", ".").replace("_S_", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(Project(folder).pins.items)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tensorflow==1.15.0", [("tensorflow", "==1.15.0")]),
        ("  tensorflow_gpu [and-cuda] >= 1.4, < 2 ; python_version < '3.8'  # old", [("tensorflow-gpu", ">=1.4,<2")]),
        ("TensorFlow", [("tensorflow", "")]),
        ("tf_keras~=2.15", [("tf-keras", "~=2.15")]),
        ("Keras (>=2.0.8)", [("keras", ">=2.0.8")]),
        ("tensorflow=1.15", [("tensorflow", "==1.15.*")]),
        ("conda-forge::tensorflow-gpu=1.14.0=h0d30ee6_0", [("tensorflow-gpu", "==1.14.0.*")]),
        ("tensorflow=2.*", [("tensorflow", "==2.*")]),
        ("tensorflow @ https://example.org/a.whl", [("tensorflow", "")]),
        ("numpy!=1.24.0,<2", [("numpy", "!=1.24.0,<2")]),
        ("tensorflow-datasets==4.0", []),
        ("tensorflow is great", []),
        ("torch==1.0", []),
        ("# tensorflow==1", []),
        ("", []),
    ],
)
def test_requirement(text, expected):
    """A requirement of pip or conda gives a pin if it is about a package that matters."""
    assert expected == list(requirement(text))


def test_requirements_files(tmp_path):
    """All requirement files of the root count, and those that they include."""
    assert [("keras", "==2.3.1"), ("numpy", "<2"), ("tensorflow", "==2.2"), ("tensorflow", ">=2.1")] == pins(
        tmp_path,
        requirements__txt="-r more/base.txt\nnumpy<2 --hash=sha256:abc\ntensorflow \\\n  >=2.1\n",
        more_S_base__txt="-r ../requirements.txt\nkeras==2.3.1\n",
        requirements_S_gpu__txt="tensorflow==2.2\n",
        notes__txt="tensorflow==9\n",
    )


def test_requirements_in_utf_16(tmp_path):
    """A requirements file that PowerShell wrote is read."""
    assert [("keras", "==2.3.1")] == pins(tmp_path, requirements__txt="keras==2.3.1\r\n".encode("utf-16"))


def test_pyproject(tmp_path):
    """Dependencies, extras and groups of PEP 621 and PEP 735 count."""
    text = """
        [project]
        dependencies = ["tensorflow>=2.16", "click"]
        optional-dependencies = {gpu = ["tensorflow-gpu"]}
        [dependency-groups]
        dev = ["numpy<2", {include-group = "x"}]
        """

    assert [("numpy", "<2"), ("tensorflow", ">=2.16"), ("tensorflow-gpu", "")] == pins(tmp_path, pyproject__toml=text)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ('"^2.3.1"', [">=2.3.1,<3"]),
        ('"^0.2"', [">=0.2,<0.3"]),
        ('"~2.3.1"', [">=2.3.1,<2.4"]),
        ('"~2"', [">=2,<3"]),
        ('"~=2.3"', ["~=2.3"]),
        ('"2.3"', ["==2.3"]),
        ('"2.*"', ["==2.*"]),
        ('">=2.1,<2.4"', [">=2.1,<2.4"]),
        ('"*"', [""]),
        ('"1.0 || 2.0"', [""]),
        ('{version = "^2.0", optional = true}', [">=2.0,<3"]),
        ('{git = "https://example.org"}', [""]),
        ('[{version = "1.15"}, {version = "2.0"}]', ["==1.15", "==2.0"]),
    ],
)
def test_poetry(tmp_path, version, expected):
    """Poetry's own ways to write a version become specifiers."""
    text = f"[tool.poetry.group.dev.dependencies]\ntensorflow = {version}\n"

    assert expected == [specifier for _, specifier in pins(tmp_path, pyproject__toml=text)]


def test_other_files(tmp_path):
    """setup.py, setup.cfg, Pipfile and conda's environment files count."""
    assert [
        ("keras", ""),
        ("keras", "==2.2.4.*"),
        ("numpy", ">=1.11"),
        ("tensorflow", "==1.13.1"),
        ("tensorflow", ">=1.4"),
        ("tf-keras", "~=2.16"),
    ] == pins(
        tmp_path,
        setup__py="setup(install_requires=['numpy>=1.11', \"x\"])",
        setup__cfg="[options]\ninstall_requires =\n    tensorflow>=1.4\n[options.extras_require]\nk = tf-keras~=2.16\n",
        Pipfile='[packages]\nkeras = "*"\n',
        environment__yml="dependencies:\n  - keras=2.2.4\n  - pip:\n    - 'tensorflow==1.13.1'\n",
    )


def test_broken_files(tmp_path):
    """Files that cannot be read pin nothing."""
    (tmp_path / "setup.py").symlink_to("setup.py")
    (tmp_path / "requirements-x.txt").mkdir()

    assert [] == pins(tmp_path, pyproject__toml="[project", Pipfile=b"\xff\xfe\x00", setup__cfg=b"\x80\x00")
    assert Pins() == Project(tmp_path / "missing").pins


def test_specifiers(tmp_path):
    """The specifiers of one package can be asked for."""
    pins(tmp_path, requirements__txt="keras\ntensorflow==2.0\ntensorflow==2.1")

    assert ("==2.0", "==2.1") == Project(tmp_path).pins.specifiers("tensorflow")
    assert ("",) == Project(tmp_path).pins.specifiers("keras")
    assert () == Project(tmp_path).pins.specifiers("numpy")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """A project that has every file that may hold pins."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("requirements.txt", "setup.py", "setup.cfg", "Pipfile", "pyproject.toml", "environment.yml"):
        (folder / name).touch()
    return folder


@given(
    st.lists(
        st.sampled_from(
            ["tensorflow", "=", "==", ">", "1.15", "\n", "[", "]", '"', "{", "}", "-r ", ".", "- ", ",", "^"]
        )
        | st.text(max_size=3),
        max_size=15,
    ).map("".join)
)
def test_any_content(names, text):
    """No content of these files makes the reader fail."""
    read_pins(str(names), lambda path: text.encode("utf-8", "surrogatepass"))
    read_pins(str(names), lambda path: b"[project]\ndependencies = " + text.encode("utf-8", "surrogatepass"))
