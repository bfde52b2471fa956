"""What the package becomes before it is compiled means the same."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "tools" / "native"


def module(path):
    """A module of the tool."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


write_out = module(NATIVE / "write_out.py").write_out

RECORDS = '''"""Some records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.record import Record


class Point(Record):
    """A point."""

    x: int
    y: float = 0.5

    @property
    def total(self) -> float:
        return self.x + self.y


class Named(Point):
    name: str = "none"
    __derived__ = ("_upper",)
    if TYPE_CHECKING:
        _upper: str

    @property
    def upper(self) -> str:
        try:
            return self._upper
        except AttributeError:
            self._upper = self.name.upper()
            return self._upper


class Same(Record, eq=False):
    value: object


class Number(Record):
    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)
'''

USES = [
    "Point(1) == Point(1, 0.5)",
    "Point(1) != Point(2)",
    "Point(y=2.0, x=1).total",
    "Point(1) == Named(1)",
    "Named(1, 2.0, 'a') == Named(1, 2.0, 'a')",
    "{Named(1): 'found'}[Named(1, name='none')]",
    "Named(1, name='a').upper",
    "Named(1).replace(y=3.0, name='b').total",
    "type(Named(1).replace(y=3.0)).__name__",
    "Named(1, 2.0).y, Named(1, 2.0).name",
    "Named(1).replace(name='b').upper",
    "Same(1) == Same(1)",
    "Same(1).replace(value=2).value",
    "Number(1) == Number(1.0), Number(1) == Number(1)",
    "len({Number(1), Number(1)})",
    "Point.__match_args__",
    "Point.__doc__",
    "Point(float('nan'), 1.0) == Point(float('nan'), 1.0)",
]


@pytest.fixture(scope="module")
def namespaces():
    """The classes as they are, and as they are written out."""
    text = write_out({"shapes": RECORDS})["shapes"]
    assert text != RECORDS
    before = sys.modules.get("trainlint.plain_record")
    sys.modules["trainlint.plain_record"] = module(NATIVE / "plain_record.py")
    found = []
    try:
        for each in (RECORDS, text):
            space = types.ModuleType("shapes").__dict__
            exec(each, space)
            found.append(space)
    finally:
        if before is None:
            del sys.modules["trainlint.plain_record"]
    return found


@pytest.mark.parametrize("use", USES)
def test_records_are_what_they_were(namespaces, use):
    """Written out they compare, hash, copy and inherit as before."""
    as_they_are, written_out = (eval(use, dict(space)) for space in namespaces)

    assert as_they_are == written_out


def test_missing_fields_are_refused(namespaces):
    """As by any function."""
    for space in namespaces:
        with pytest.raises(TypeError):
            space["Named"]()


def test_annotations_that_are_not_sure_are_left_out():
    """The compiler would turn a whole number into one with a fraction, and stop where there is none at all."""
    text = (
        "def f(m: Machine, x: float, y: tuple[int, int] | None, z: str = '') -> bool:\n    n: int = 1\n    return n\n"
    )
    kept = "def f(m: Machine, x: Any, y: Any, z: str = '') -> Any:\n    n: Any = 1\n    return n\n"

    assert kept in write_out({"some": text})["some"]


def test_the_package_can_be_written_out():
    """All that is compiled comes out as Python, and no record of it is left as it was."""
    tool = ROOT / "server" / "trainlint"
    folders = ("interpret", "program", "rules", "source", "tfapi")
    files = [file for folder in folders for file in (tool / folder).rglob("*.py") if "tables" not in file.parts]
    texts = {str(file.relative_to(tool.parent))[:-3].replace("/", "."): file.read_text("utf-8") for file in files}

    for name, text in write_out(texts).items():
        compile(text, name, "exec")
        assert "from trainlint.record import Record" not in text
