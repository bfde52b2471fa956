"""How far a file's imports are followed."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.interpret import modules
from trainlint.project import Project


def units_through(folder, count):
    """What a program makes of a number that so many modules pass on, one from the other."""
    (folder / "part0.py").write_text("units = 8\n", encoding="utf-8")
    for number in range(1, count):
        (folder / f"part{number}.py").write_text(f"from part{number - 1} import units\n", encoding="utf-8")
    text = (
        "from tensorflow import keras\n"
        f"from part{count - 1} import units\n"
        "y = keras.layers.Dense(units)(keras.Input((3,)))\n"
    )
    found = analyse(text.encode(), str(folder / "train.py"), Project(folder), Config())
    (program,) = found.programs
    (product,) = program.of_kind("matmul")
    return product.output.shape[-1]


@pytest.mark.parametrize("count", [1, 5, modules.MAX_IMPORTS])
def test_a_number_is_followed_through_modules(tmp_path, count):
    """As many as any program is known to need, and some more."""
    assert 8 == units_through(tmp_path, count)


def test_a_longer_chain_is_unknown(tmp_path):
    """Each file of a chain costs the same, however long the chain is."""
    assert 8 != units_through(tmp_path, modules.MAX_IMPORTS + 1)


def test_a_module_that_comes_near_in_an_edit_is_followed(tmp_path):
    """The last module that a chain is followed to, imported by the file itself as well: as if it had always been."""
    units_through(tmp_path, modules.MAX_IMPORTS + 3)
    last, near = modules.MAX_IMPORTS + 2, 3
    text = f"from tensorflow import keras\n{{}}from part{last} import units as far\nprint(far)\n{{}}"
    before = text.format("", "")
    after = text.format(
        f"from part{near} import units as near\nprint(near)\n",
        "y = keras.layers.Dense(near)(keras.Input((3,)))\n",
    )
    path, project = str(tmp_path / "other.py"), Project(tmp_path)
    old = analyse(before.encode(), path, project, Config())
    edited = analyse(after.encode(), path, project, Config(), old)

    (product,) = edited.programs[0].of_kind("matmul")
    assert 8 == product.output.shape[-1]


def starred(folder, text, **modules_of):
    """The kinds of objects that a program with these modules beside it makes."""
    for name, code in modules_of.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    found = analyse(text.encode(), str(folder / "train.py"), Project(folder), Config())
    assert () == found.notices
    return {record.name for _, record in found.programs[0].objects}


def test_modules_that_import_all_of_each_other(tmp_path):
    """What one of them takes from the other is found, and a name that neither has is not looked for forever."""
    text = "from tensorflow import keras\nfrom one import *\nmade = keras.layers.Dense(units), missing\n"

    assert {"keras.layers.Dense"} == starred(
        tmp_path, text, one="from two import *\n", two="from one import *\nunits = 8\n"
    )


@pytest.mark.parametrize(
    ("imported", "expected"), [("", {"keras.Model"}), ("keras.layers", {"keras.Model"}), ("tensorlayer.models", set())]
)
def test_a_name_may_come_from_all_of_a_library(imported, expected, tmp_path):
    """A `Model` that nothing defines is that of Keras, but not where a library is imported with `*`."""
    star = f"from {imported} import *\n" if imported else ""
    text = f"from tensorflow import keras\n{star}x = keras.Input((3,))\nnet = Model(inputs=x, outputs=x)\n"

    assert expected == {name for name in starred(tmp_path, text) if "Model" in name}


def test_a_package_passes_on_what_it_imports_with_a_star(tmp_path):
    """`from package import name`, where the package has it from `from .module import *`."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("from .sizes import *\n", encoding="utf-8")
    (tmp_path / "nets" / "sizes.py").write_text("units = 8\n", encoding="utf-8")
    text = (
        "import nets\nfrom nets import units\nfrom tensorflow import keras\n"
        "y = keras.layers.Dense(units + nets.units)(keras.Input((3,)))\n"
    )
    found = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())

    assert [16] == [product.output.shape[-1] for program in found.programs for product in program.of_kind("matmul")]


def test_packages_that_have_a_name_from_each_other(tmp_path):
    """Two that star-import each other, and a name that both only pass on: it is unknown, and the program goes on."""
    for one, other in (("left", "right"), ("right", "left")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "__init__.py").write_text(f"from {other} import *\nfrom {other} import units\n", "utf-8")
    text = (
        "from left import units\nfrom tensorflow import keras\n"
        "y = keras.layers.Dense(5)(keras.layers.Dense(units)(keras.Input((3,))))\n"
    )
    found = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())

    assert [] == [notice.kind for notice in found.notices]
    assert [None, 5] == [
        product.output.shape[-1] for program in found.programs for product in program.of_kind("matmul")
    ]
