"""Values: replaced and wrapped, with the author's text and the file's names in the new one."""

from __future__ import annotations

import pytest

from edited import Editing
from trainlint.fixes.actions import ApiName, Element, EnsureImport, ReplaceValue, Source, Wrap
from trainlint.fixes.code_index import index_of

REPLACED = [
    ("y = x\n", "a + b", "y = a + b\n"),
    ("y = x * 2\n", "a + b", "y = (a + b) * 2\n"),
    ("y = (x) * 2\n", "a + b", "y = (a + b) * 2\n"),
    ("y = x * 2\n", "(a + b)", "y = (a + b) * 2\n"),
    ("y = x * 2\n", "(a) + (b)", "y = ((a) + (b)) * 2\n"),
    ("y = x * 2\n", "f(a)", "y = f(a) * 2\n"),
    ("y = x.T\n", "-1", "y = (-1).T\n"),
    ("y = [x, 1]\n", "a, b", "y = [(a, b), 1]\n"),
    ("y = x[0]\n", "(a), (b)", "y = ((a), (b))[0]\n"),
    ("y = g(x, 1)\n", "u for u in v", "y = g((u for u in v), 1)\n"),
    ("y = g(x, 1)\n", "(u for u in v)", "y = g((u for u in v), 1)\n"),
    ("return_(x)\n", "a if b else c", "return_(a if b else c)\n"),
    ("y = 1if x else 2\n", "a", "y = 1if a else 2\n"),
    ("y = (x)if b else 2\n", "a", "y = (a)if b else 2\n"),
    ("y = x # x\n", "'#'", "y = '#' # x\n"),
    ("y = g(2, *x)\n", "a", None),
    ("y = g(\n    ** x\n)\n", "a", None),
    ("y = [0, *x]\n", "a", None),
    ("y = {**x}\n", "a", None),
    ("y = 2 ** x\n", "a", "y = 2 ** a\n"),
    ("y = x\n", "a +", None),
    ("y = x\n", "a\nb", None),
    ("y = x\n", "a +\n b", "y = (a +\n b)\n"),
]


@pytest.mark.parametrize(("before", "value", "after"), REPLACED)
def test_replaces_a_value(before, value, after):
    """New code gets parentheses where the place needs them; what is no expression is refused."""
    editing = Editing(before)

    assert after == editing.text(ReplaceValue(editing.place("x"), (value,)))


QUOTED = [
    ("a = ['p', 'q', \"r\"]\ny = x\n", '"relu"', "'relu'"),
    ('a = ["p", "q", \'r\']\ny = x\n', '"relu"', '"relu"'),
    ("y = x\n", '"relu"', '"relu"'),
    ("a = 'p'\ny = x\n", '"it\'s"', '"it\'s"'),
    ("# isn't, won't\na = \"p\"\ny = x\n", '"relu"', '"relu"'),
]


@pytest.mark.parametrize(("before", "value", "written"), QUOTED)
def test_strings_stand_in_the_quotes_of_the_file(before, value, written):
    """A new string looks like most strings of the file."""
    editing = Editing(before)

    assert editing.text(ReplaceValue(editing.place("x"), (value,))) == before.replace("x", written)


def test_words_do_not_run_together():
    """A name beside a keyword gets a blank."""
    editing = Editing("y = 1if 0else 2\n")

    assert editing.text(ReplaceValue(editing.place("0"), ("a",))) == "y = 1if a else 2\n"


WRAPPED = [
    ("y = x\n", "f(", ")", "y = f(x)\n"),
    ("y = x * 2\n", "f(", ", [-1, 1])", "y = f(x, [-1, 1]) * 2\n"),
    # Binds tighter than the minus, but nothing here weighs operators against each other.
    ("y = x - 2\n", "", " / keep", "y = (x / keep) - 2\n"),
    ("y = (x)\n", "f(", ")", "y = (f(x))\n"),
    ("y = f(x)\n", "1 - ", "", "y = f(1 - x)\n"),
    ("y = 2 * x\n", "1 - ", "", "y = 2 * (1 - x)\n"),
    ("y = x\n", "f(", "", None),
]


@pytest.mark.parametrize(("before", "left", "right", "after"), WRAPPED)
def test_wraps_a_value(before, left, right, after):
    """Text before and after a value keeps it together."""
    editing = Editing(before)

    assert after == editing.text(Wrap(editing.place("x"), (left,), (right,)))


def test_wraps_a_sum():
    """A value of several parts gets parentheses where the new operator would split it."""
    editing = Editing("y = a + b\nz = g(u for u in v)\n")

    assert editing.text(
        Wrap(editing.place("a + b"), (), (" / keep",)),
        Wrap(editing.place("u for u in v", nth=1), ("f(",), (", 1)",)),
    ) == "y = (a + b) / keep\nz = g(f((u for u in v), 1))\n"  # fmt: skip


SOURCES = [
    ("n = a\nm = 1 + 2\ny = x\n", "1 + 2", ("2.0 / ", None), "2.0 / (1 + 2)"),
    ("n = a\ny = [n]\nx\n", "n", ("2.0 / ", None), "2.0 / n"),
    ("n = a + b\nx\n", "a + b", ("f(", None, ")"), "f(a + b)"),
    ("n = a + b\nx\n", "a + b", ("f(k=", None, ", j=1)"), "f(k=a + b, j=1)"),
    ("n = a + b\nx\n", "a + b", (None,), "a + b"),
    ("n = a + b\nx\n", "a + b", ("k == ", None), "k == (a + b)"),
    ("n = (a +\n     b)\nx\n", "a +\n     b", (None,), "(a +\n     b)"),
    ("n = f(1)[2].c\nx\n", "f(1)[2].c", (None, " * 2"), "f(1)[2].c * 2"),
]


@pytest.mark.parametrize(("before", "source", "value", "after"), SOURCES)
def test_the_text_of_a_value(before, source, value, after):
    """The author's text is kept, in parentheses where its neighbours need them."""
    editing = Editing(before)
    pieces = tuple(Source(editing.place(source, nth=-1)) if piece is None else piece for piece in value)
    new = editing.text(ReplaceValue(editing.place("x"), pieces))

    assert new is not None and new.rstrip("\n").endswith(after)


VISIBLE = [
    ("n = 3\nf(n)\nx\n", True),
    ("n = 3\nf(n)\ndef g():\n    x\n", True),
    ("n = 3\nf(n)\ndef g(n):\n    x\n", False),
    ("def g():\n    n = 3\n    f(n)\nx\n", False),
    ("def g(n):\n    f(n)\n    def h():\n        x\n", True),
    ("x\nn = 3\nf(n)\n", False),
    ("def g():\n    x\nn = 3\nf(n)\n", True),
    ("f(len)\nx\n", True),
    ("[f(n) for n in v]\nx\n", False),
    ("class C:\n    n = 3\n    f(n)\n    def g(self):\n        x\n", False),
    ("class C:\n    n = 3\n    f(n)\n    x\n", True),
    ("def g():\n    global n\n    n = 3\n    f(n)\nn = 1\nx\n", True),
]


@pytest.mark.parametrize(("before", "is_visible"), VISIBLE)
def test_names_mean_the_same(before, is_visible):
    """A value whose names mean something else at the new place, or nothing, is not copied there."""
    editing = Editing(before)
    call = index_of(editing.document).node(editing.call("f"))

    new = editing.text(ReplaceValue(editing.place("x"), (Source(call.arguments[0].place),)))

    assert is_visible == (new is not None)


TF = "import tensorflow as tf\n"
NAMES = [
    (TF + "x\n", "tensorflow.nn.relu", TF + "tf.nn.relu\n"),
    (TF + "x\n", "tf.nn.relu", TF + "tf.nn.relu\n"),
    (TF + "x\n", "keras.layers.Dropout", TF + "tf.keras.layers.Dropout\n"),
    ("import tensorflow\nx\n", "tensorflow.nn.relu", "import tensorflow\ntensorflow.nn.relu\n"),
    ("from tensorflow import nn\nx\n", "tensorflow.nn.relu", "from tensorflow import nn\nnn.relu\n"),
    (
        "from tensorflow.keras import layers\nx\n",
        "tensorflow.keras.layers.Dropout",
        "from tensorflow.keras import layers\nlayers.Dropout\n",
    ),
    (
        "from tensorflow.keras.layers import Dropout as D\nx\n",
        "tensorflow.keras.layers.Dropout",
        "from tensorflow.keras.layers import Dropout as D\nD\n",
    ),
    (
        "import keras\nimport tensorflow as tf\nx\n",
        "tensorflow.keras.layers.Dropout",
        "import keras\nimport tensorflow as tf\nkeras.layers.Dropout\n",
    ),
    (
        "from keras.layers import Dense\nx\n",
        "tensorflow.keras.layers.Dropout",
        "from keras.layers import Dense, Dropout\nDropout\n",
    ),
    (
        "from keras.layers import (\n    Dense,  # one\n    Flatten as F,\n)\nx\n",
        "tensorflow.keras.layers.Dropout",
        "from keras.layers import (\n    Dense,  # one\n    Flatten as F, Dropout,\n)\nDropout\n",
    ),
    (
        "from keras.layers import *\nx\n",
        "tensorflow.keras.layers.Dropout",
        "from keras.layers import *\nDropout\n",
    ),
    (
        "from keras.layers import Dense\nDropout = 3\nx\n",
        "tensorflow.keras.layers.Dropout",
        "from keras.layers import Dense\nimport keras\nDropout = 3\nkeras.layers.Dropout\n",
    ),
    (
        "def f():\n    from keras.layers import Dense\nx\n",
        "tensorflow.keras.layers.Dropout",
        "import tensorflow as tf\ndef f():\n    from keras.layers import Dense\ntf.keras.layers.Dropout\n",
    ),
    (
        "import tensorflow.compat.v1 as tf\nx\n",
        "tensorflow.nn.relu",
        "import tensorflow.compat.v1 as tf\ntf.nn.relu\n",
    ),
    (TF + "x\n", "tensorflow.placeholder", TF + "tf.compat.v1.placeholder\n"),
    ("import os\nx\n", "numpy.sqrt", "import os\nimport numpy as np\nnp.sqrt\n"),
    ("import os\nx\n", "math.sqrt", "import os\nimport math\nmath.sqrt\n"),
    ("x\n", "numpy.sqrt", "import numpy as np\nnp.sqrt\n"),
    ('"""Doc."""\nx\n', "numpy.sqrt", '"""Doc."""\nimport numpy as np\nnp.sqrt\n'),
    ("np = 3\nx\n", "numpy.sqrt", "import numpy\nnp = 3\nnumpy.sqrt\n"),
    ("def f(np):\n    x\n", "numpy.sqrt", "import numpy\ndef f(np):\n    numpy.sqrt\n"),
    (TF + "def f(tf):\n    x\n", "tensorflow.abs", TF + "import tensorflow\ndef f(tf):\n    tensorflow.abs\n"),
    ("def f():\n    import numpy as np\n    x\n", "numpy.sqrt", "def f():\n    import numpy as np\n    np.sqrt\n"),
    ("def f():\n    import numpy\nx\n", "numpy.e", "import numpy as np\ndef f():\n    import numpy\nnp.e\n"),
    (
        "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n    import tensorflow as tf\nx\n",
        "tensorflow.nn.relu",
        "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n    import tensorflow as tf\ntf.nn.relu\n",
    ),
    ("import os; import sys\nx\n", "math.pi", "import os; import sys; import math\nmath.pi\n"),
    ("np = numpy = 3\nx\n", "numpy.sqrt", None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "path", "after"), NAMES)
def test_the_name_of_a_symbol(before, path, after):
    """A symbol is named as this file can; what it lacks is imported, unless the name is taken."""
    editing = Editing(before)
    place = editing.place("x")
    new = editing.text(ReplaceValue(place, (ApiName(path, place),)))

    assert after == new


def test_one_import_for_two_names():
    """Two names that need the same import share it."""
    editing = Editing("x\ny\n")
    x, y = editing.place("x"), editing.place("y")
    actions = [ReplaceValue(place, (ApiName(f"numpy.{name}", place),)) for place, name in ((x, "sin"), (y, "cos"))]

    assert editing.text(*actions) == "import numpy as np\nnp.sin\nnp.cos\n"


def test_ensures_an_import():
    """An import is added once, and not where the name means something else."""
    place = lambda editing: EnsureImport("numpy", editing.place("x"), alias="np")  # noqa: E731
    missing, there, taken = Editing("x\n"), Editing("import numpy as np\nx\n"), Editing("np = 1\nx\n")

    assert missing.text(place(missing)) == "import numpy as np\nx\n"
    assert there.text(place(there), ReplaceValue(there.place("x"), ("1",))) == "import numpy as np\n1\n"
    assert taken.text(place(taken)) is None


ELEMENTS = [
    ("n = 3\ny([n, 4])\nx\n", "n = 3\ny([n, 4])\n2 / n\n"),
    ("y([3, 4])\nx\n", "y([3, 4])\n2 / 3\n"),
    ("y((a.n, 4))\nx\n", "y((a.n, 4))\n2 / a.n\n"),
    ("y([2 * 3, 4])\nx\n", "y([2 * 3, 4])\n2 / (2 * 3)\n"),
    ("y([int(n), 4])\nx\n", "y([int(n), 4])\n2 / 9\n"),
    ("y([*n])\nx\n", "y([*n])\n2 / 9\n"),
    ("y(n)\nx\n", "y(n)\n2 / 9\n"),
    ("y([])\nx\n", "y([])\n2 / 9\n"),
    ("def f(n):\n    y([n])\nx\n", "def f(n):\n    y([n])\n2 / 9\n"),
]


@pytest.mark.parametrize(("before", "after"), ELEMENTS)
def test_the_text_of_an_element(before, after):
    """An element is written as the author did where that is short, calls nothing and means the same."""
    editing = Editing(before)
    call = index_of(editing.document).node(editing.call("y"))

    piece = Element(call.arguments[0].value.place, 0, "9")
    assert after == editing.text(ReplaceValue(editing.place("x"), ("2 / ", piece)))
