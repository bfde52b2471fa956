"""The machine follows ordinary Python: names, containers, loops, functions, classes."""

from __future__ import annotations

import pytest
from tests.interpret.machine import run, shape, value

from trainlint.program.values import Const, Tensor, Unknown


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 2 * 3 + 1", 7),
        ("a, (b, *c) = 1, (2, 3, 4)\nx = b + len(c)", 4),
        ("x = [n * n for n in range(5) if n % 2][-1]", 9),
        ("x = {'a': 1, 'b': 2}['b']", 2),
        ("x = 'relu' if 1 < 2 else 'tanh'", "relu"),
        ("def f(a, b=3, *rest, k=1, **more):\n    return a + b + k + len(rest)\nx = f(1, 2, 9, 9, k=5)", 10),
        ("from functools import partial\nx = partial(pow, 2)(5)", 32),
        ("x = 0\nfor n in [1, 2, 3]:\n    if n == 3:\n        break\n    x += n", 3),
        ("class A:\n    size = 4\n    def __init__(self, n):\n        self.n = n * self.size\n"
         "class B(A):\n    def __init__(self):\n        super().__init__(5)\nx = B().n", 20),
        ("from dataclasses import dataclass, field\n@dataclass\nclass C:\n    lr: float = 0.1\n"
         "    sizes: list = field(default_factory=lambda: [1, 2])\nx = C(lr=0.5).sizes[1]", 2),
        ("def outer():\n    n = 1\n    def inner():\n        nonlocal n\n        n += 1\n        return n\n"
         "    return inner()\nx = outer()", 2),
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 100.0\n"
         "    def __post_init__(self):\n        self.lr = self.lr / 1000\nx = C().lr", 0.1),
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 100.0\n"
         "@dataclass\nclass D(C):\n    size: int = 3\nx = D(lr=0.5, size=4).lr", 0.5),
        ("class C:\n    _act = None\n    @property\n    def act(self):\n        return self._act or 'tanh'\n"
         "    @act.setter\n    def act(self, new):\n        self._act = new.lower()\nx = C().act", "tanh"),
        ("class C:\n    _act = None\n    @property\n    def act(self):\n        return self._act or 'tanh'\n"
         "    @act.setter\n    def act(self, new):\n        self._act = 'relu'\nc = C()\nc.act = 5\nx = c.act",
         "relu"),
        ("class A:\n    def f(self):\n        return 1\nclass B(A):\n    pass\nclass C(A):\n    def f(self):\n"
         "        return 2\nclass D(B, C):\n    pass\nx = D().f()", 2),
        ("class A:\n    def f(self):\n        return 1\nclass B(A):\n    def f(self):\n        return super().f() + 4\n"
         "class C(A):\n    def f(self):\n        return 2\nclass D(B, C):\n    pass\nx = D().f() * 10 + B().f()", 65),
        ("class More:\n    def f(self):\n        return super().f() + 1\nclass A:\n    def f(self):\n        return 1\n"
         "class B(More, A):\n    pass\nx = B().f()", 2),
        ("from functools import cached_property\nclass A:\n    @cached_property\n    def f(self):\n        return [1]\n"
         "a = A()\na.f.append(2)\nx = len(a.f)", 2),
        ("x = f'{1 + 1}-{\"a\"}'", "2-a"),
        ("try:\n    import nothing_here\nexcept ImportError:\n    nothing_here = None\nx = 5", 5),
        ("x = sum(len(w) for w in ('a', 'bb'))", 3),
        ("x = dict(a=1, **{'b': 2})['b']", 2),
        ("x = [1, 2]\ny = x\ny.append(3)\nx = len(x)", 3),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default=8)\n"
         "x = p.parse_args().n + 0", 8),
        ("x = (lambda a, b=2: a ** b)(3)", 9),
        ("x = 1 if 'tf' in ['np', 'tf'] else 2", 1),
        ("x = next(iter(zip([1, 2], [3, 4])))[1]", None),
    ],
)  # fmt: skip
def test_constants_are_computed(code, expected):
    """A value that the code fixes is known."""
    found = value(code, "x")

    if expected is not None:
        assert expected == (found.value if isinstance(found, Const) else found)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("Small(rate=0.001).rate", 0.001),
        ("Small(0.5, 4).units", 4),
        ("Small(rate=0.5).doubled", 1.0),
        ("Plain(rate=0.25).rate", 0.25),
        ("Plain(rate=0.25).note", "a"),
        ("Small(**json.load(open('c.json'))).rate", None),
    ],
)
def test_fields_of_a_dataclass(made, expected):
    """Those of its bases are its own, `__post_init__` may set them, and what a file holds is no default."""
    classes = (
        "import json\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Base:\n    rate: float = 5.0\n    units: int = 3\n"
        "@dataclass\nclass Small(Base):\n    doubled: float = None\n"
        "    def __post_init__(self):\n        self.doubled = 2 * self.rate\n"
        "class Plain(Base):\n    note: str = 'a'\n"
    )
    found = value(f"{classes}x = {made}\n", "x")

    assert expected == (found.value if isinstance(found, Const) else None)


@pytest.mark.parametrize(
    "code",
    [
        "import json\nx = json.load(open('c.json'))",
        "from elsewhere import x",
        "x = some_name.size",
        "x = int(input())",
        "lists = [[], []]\nfor row in rows:\n    for n, a in zip(row, lists):\n        a.append(n)\nx = len(lists[0])",
        "lists = [[], []]\nfor row in rows:\n    lists[row[0]].append(row[1])\nx = len(lists[0])",
        "lists = {'a': [], 'b': []}\nfor row in rows:\n    lists[row[0]].append(row[1])\nx = len(lists['a'])",
        "lists = [[0, 0], [0, 0]]\nfor row in rows:\n    lists[row[0]][row[1]] = 3\nx = lists[0][0]",
    ],
)
def test_what_the_code_does_not_show_is_unknown(code):
    """Files, other packages and input give nothing to go on."""
    found = value(code, "x")

    assert isinstance(found, (Unknown, Tensor))
    assert not isinstance(found, Const)


@pytest.mark.parametrize(
    "loop",
    [
        "for row in rows:\n    if row > 3:\n        x = 5\n        break\n",
        "for row in rows:\n    if row > 3:\n        x = 5\n        continue\n    print(row)\n",
        "for row in rows:\n    if row < 3:\n        print(row)\n    else:\n        x = 5\n        break\n",
        "for row in [2, 4, size]:\n    if row == size:\n        x = 5\n        break\n",
        "while rows:\n    if rows.pop() > 3:\n        x = 5\n        break\n",
        "for row in rows:\n    for part in row:\n        if part:\n            x = 5\n            break\n",
        "for row in rows:\n    with open(row) as file:\n        if file:\n            x = 5\n            break\n",
    ],
)
def test_what_is_set_before_a_loop_is_left(loop):
    """What a branch sets before `break` or `continue` is there afterwards, where the branch was taken."""
    assert not isinstance(value(f"x = 1\n{loop}", "x"), Const)
    assert isinstance(value(f"x = 1\n{loop.replace('x = 5', 'y = 5')}", "x"), Const)


CONFIGURATION = """
import json
read = json.load(open('c.json'))
rate = 0.5
known = {'rate': 0.5}
class Options:
    rate = 0.5
    def __init__(self, **given):
        self.more = 0.5
        self.__dict__.update(given)
options = Options()
def build(rate=0.5, **more):
    return rate
"""


@pytest.mark.parametrize(
    "code",
    [
        "known.update(read)\nx = known['rate']",
        "x = {**known, **read}['rate']",
        "known |= read\nx = known['rate']",
        "x = dict(known, **read)['rate']",
        "for key, item in read.items():\n    known[key] = item\nx = known['rate']",
        "for key, item in read.items():\n    setattr(options, key, item)\nx = options.rate",
        "for key, item in read.items():\n    setattr(Options, key, item)\nx = Options.rate",
        "options.__dict__.update(read)\nx = options.rate",
        "vars(options).update(read)\nx = options.more",
        "x = Options(**read).more",
        "globals().update(read)\nx = rate",
        "exec(open('settings.py').read())\nx = rate",
        "x = build(**read)",
        "x = build(*read)",
    ],
)
def test_a_configuration_that_is_read_takes_the_place_of_the_defaults(code):
    """What may be overwritten by names that nobody sees is not known any more."""
    assert not isinstance(value(CONFIGURATION + code, "x"), Const)


@pytest.mark.parametrize(
    "code",
    [
        "vars(options).update(rate=0.1)\nx = options.rate",
        "x = Options(more=0.1).more",
        "globals()['rate'] = 0.1\nx = rate",
        "known.update({'rate': 0.1}, size=3)\nx = known['rate']",
        "x = {**read, 'rate': 0.1}['rate']",
        "x = {'low': 0.1}.get(choice)",
        "table = {choice: 0.1}\nx = table.get('low')",
        "table = {}\ntable[choice] = 0.1\nx = table.pop('low', 5)",
    ],
)
def test_names_that_are_set_without_being_written(code):
    """Keys that are known are set as if they were written, also those that the command line has for its defaults."""
    command = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--choice', default='low')\n"
    found = value(f"{CONFIGURATION}{command}choice = p.parse_args().choice\n{code}", "x")

    assert isinstance(found, Const) and 0.1 == found.value


ENVIRONMENT = "import os\nimport sys\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = os.environ.get('RATE', '0.5')", "0.5"),
        ("os.environ['RATE'] = '0.1'\nx = os.environ.get('RATE', '0.5')", "0.1"),
        ("os.environ['RATE'] = '0.1'\nx = os.getenv('RATE')", "0.1"),
        ("os.environ['RATE'] = '0.1'\nx = os.environ['RATE']", "0.1"),
        ("os.putenv('RATE', '0.1')\nx = os.environ['RATE']", "0.1"),
        ("os.environ['OTHER'] = '0.1'\nx = os.environ.get('RATE', '0.5')", "0.5"),
        ("if os.path.exists('rates'):\n    os.environ['RATE'] = '0.1'\nx = os.environ.get('RATE', '0.5')", None),
        ("os.environ.setdefault('RATE', '0.1')\nx = os.environ.get('RATE', '0.5')", None),
        ("os.environ.update(sys.modules)\nx = os.environ.get('RATE', '0.5')", None),
        ("os.environ['RATE'] = '0.1'\nos.environ.update(sys.modules)\nx = os.environ['RATE']", None),
        ("os.environ[sys.argv[1]] = '0.1'\nx = os.environ.get('RATE', '0.5')", None),
    ],
)
def test_variables_of_the_environment_are_those_that_the_program_sets(code, expected):
    """A default only holds where nothing else gives the variable a value."""
    found = value(ENVIRONMENT + code, "x")

    assert expected == (found.value if isinstance(found, Const) else None)


IMAGES = """
import numpy as np
def scale(array):
    array /= 255.0
class Data:
    def __init__(self, array):
        self.array = array
x = np.random.uniform(0, 255, size=(10, 28, 28))
known = {"x": x}
held = Data(x)
"""


@pytest.mark.parametrize(
    "change",
    [
        "scale(x)",
        "scale(x[:])",
        "y = x\ny /= 255",
        "for y in [x, x + 1]:\n    y /= 255",
        "x.reshape(10, -1)[...] = 0",
        "known['x'] -= 128",
        "held.array *= 0.1",
        "held.array[0] = 1000",
        "from elsewhere import change\nchange(x)",
    ],
)
def test_what_is_done_to_an_array_in_place_is_done_under_all_its_names(change):
    """The numbers of an array that is changed under another name, or through a view, are not known any more."""
    assert 255 == value(IMAGES, "x").high
    assert 255 == value(IMAGES + "y = x + 0\ny /= 255\nchanged = scale(x.copy())", "x").high
    assert value(IMAGES + change, "x").high is None
    assert "[10, 28, 28]" == shape(IMAGES + change)


def test_an_item_of_an_array_in_an_attribute():
    """Rows that are set one after the other leave no zeros behind."""
    text = """
import numpy as np
class Data:
    def __init__(self):
        self.y = np.zeros(10)
        self.y[3] = 5
x = Data().y
"""

    assert (0, 5) == value(text, "x").interval


def test_a_long_append_loop_gives_an_array():
    """Lists that a loop fills become arrays of the right shape and range."""
    code = """
    import numpy as np
    rows, labels = [], []
    for _ in range(10000):
        row = [np.random.uniform(0, 255) for _ in range(3)]
        rows.append(row)
        labels.append(1 if row[0] > 100 else 0)
    x = np.array(rows)
    y = np.array(labels)
    """

    assert "[10000, 3]" == shape(code)
    assert (0.0, 255.0) == (value(code, "x").low, value(code, "x").high)
    assert (0.0, 1.0) == value(code, "y").values


def test_what_a_long_loop_changes_is_forgotten():
    """A value that differs from round to round is not taken for the first or the last."""
    found = value("n = 1\nfor _ in range(1000):\n    n = n * 2\n", "n")

    assert not isinstance(found, Const)


def test_an_unknown_condition_splits_the_world():
    """Each branch is followed on its own; the choice is made once for equal conditions."""
    interpretation = run("""
    from tensorflow import keras
    from settings import deep
    model = keras.Sequential()
    model.add(keras.layers.Dense(8, input_shape=(4,)))
    if deep:
        model.add(keras.layers.Dense(16))
    if deep:
        model.add(keras.layers.Dense(16))
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    """)

    layers = [sum(o.kind == "matmul" for o in program.operations) for program in interpretation.programs]

    assert [4, 2] == layers
    assert ["`deep` is true", "`deep` is false"] == [program.world for program in interpretation.programs]


def test_many_conditions_are_joined_at_last():
    """Never more than eight worlds, however many switches a program has."""
    lines = ["from tensorflow import keras", "import settings", "layers = []"]
    lines += [f"if settings.s{i}:\n    layers.append(keras.layers.Dense({i + 1}))" for i in range(12)]
    interpretation = run("\n".join(lines))

    assert len(interpretation.programs) <= 8


def test_recursion_ends():
    """A function that calls itself gives an unknown result, not an endless run."""
    assert isinstance(value("def f(n):\n    return f(n - 1)\nx = f(3)", "x"), Unknown)


def test_a_huge_program_runs_out_of_fuel():
    """The budget is counted in steps; what it cuts is marked incomplete."""
    interpretation = run("x = [i + 1 for i in range(60)]\n" * 3000)

    assert not interpretation.complete


def test_what_follows_an_assertion_that_fails_does_not_run():
    """A function refuses some values, and what it would do with them is not looked at."""
    code = "x = 1\ndef f(shape):\n    global x\n    assert len(shape) == 4, shape\n    x = 2\nf([1, 2])"

    assert Const(1) == value(code, "x")
    assert Const(2) == value(code.replace("[1, 2]", "[1, 2, 3, 4]"), "x")


@pytest.mark.parametrize("end", ["raise NotImplementedError", "assert size == 4"])
def test_a_call_that_raises_gives_nothing(end):
    """It does not give None, as a function that comes to its end does."""
    assert isinstance(value(f"def f(size):\n    {end}\nx = f(3)", "x"), Unknown)
    assert Const(None) == value("def f(size):\n    pass\nx = f(3)", "x")


ARRAYS = "import numpy as np\nimport tensorflow as tf\na = np.arange(10)\nt = tf.zeros([3])\n"
KINDS = "class Table(dict):\n    pass\nclass Rows(list):\n    pass\ntable, rows = Table(), Rows()\n"
PLAIN = "class Plain:\n    def __init__(self):\n        self.kept = 1\n    def method(self):\n        pass\n"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("type(a) is tuple", False), ("type(t) is not list", True), ("type(a) == float", False),
        ("type((a, a)) is tuple", True), ("type([1]) == list", True), ("type({1, 2}) == list", False),
        ("type('x') is str", True), ("type(1) == type(2)", True), ("type(1) == type(1.0)", False),
        ("type('x') in (list, tuple)", False), ("type(a) not in [list, tuple]", True),
        ("type([1]) in {list, str}", True), ("type(t) in (list, int)", False),
        ("isinstance(table, dict)", True), ("isinstance(table, list)", False), ("isinstance(rows, list)", True),
        ("hasattr(table, 'missing')", None), ("hasattr(plain, 'missing')", False), ("hasattr(plain, 'kept')", True),
        ("hasattr(plain, 'method')", True), ("isinstance(3, object)", True), ("isinstance(Table, type)", True),
        ("isinstance(a, (list, tuple))", False),
    ],
)  # fmt: skip
def test_objects_are_told_apart(test: str, expected: bool | None) -> None:
    found = value(f"{ARRAYS}{KINDS}{PLAIN}plain = Plain()\nx = {test}", "x")

    assert isinstance(found, Unknown) if expected is None else found == Const(value=expected)


def test_a_property_of_ones_own_keeps_what_it_gives() -> None:
    """`lazy_property` of a helper that is not seen: twice the same, made once."""
    text = (
        "from helpers import lazy_property\nclass A:\n    @lazy_property\n    def rows(self):\n        return [1]\n"
        "a = A()\na.rows.append(2)\nx = len(a.rows)\n"
    )
    assert value(text, "x") == Const(value=2)


@pytest.mark.parametrize("test", ["type(a) is np.ndarray", "type(a) == type(t)", "type(given) is list"])
def test_types_that_are_not_known(test: str) -> None:
    assert isinstance(value(f"{ARRAYS}from other import given\nx = {test}", "x"), Unknown)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("isinstance(tf.constant(1.0), tf.Tensor)", True),
        ("isinstance(tf.Variable(1.0), tf.Tensor)", False),
        ("isinstance(tf.Variable(1.0), (tf.Tensor, tf.Variable))", True),
        ("isinstance(np.ones(3), tf.Tensor)", False),
        ("isinstance(tf.placeholder(tf.float32), np.ndarray)", False),
        ("isinstance(0.5, tf.Tensor)", False),
        ("isinstance(unknown, tf.Tensor)", None),
        ("isinstance(np.ones(3), np.ndarray)", None),
        ("isinstance(tf.sparse_placeholder(tf.float32), tf.Tensor)", None),
    ],
)
def test_classes_of_tensors(test, expected):
    """In TensorFlow 1 the class of a result is known by what made it."""
    found = value(f"import numpy as np\nimport tensorflow as tf\nx = {test}", "x", "1.x")

    assert expected == (found.value if isinstance(found, Const) else None)
