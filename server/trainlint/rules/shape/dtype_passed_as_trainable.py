"""dtype-passed-as-trainable: a positional argument of TensorFlow that lands in another parameter than meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.element_types import DTYPES
from trainlint.fixes.actions import Remedy, RemoveArgument, RenameArgument, ReplaceValue, SetArgument, Source
from trainlint.program.values import Api, Argument, Const, ListRecord, Tensor, Tuple, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_DTYPES = DTYPES | {"half", "double"}

_FILLS = ("tf.zeros", "tf.ones")
_DRAWS = ("tf.random.normal", "tf.random.truncated_normal")


class DtypePassedAsTrainable(Rule):
    """
    ## What it does
    Reports a dtype as the second argument of `tf.Variable`, which is `trainable`.
    Arguments that land in the wrong parameter of `tf.placeholder`, `tf.zeros`, `tf.ones`, `tf.random_normal` and `tf.constant` are reported too.

    ## Why it is bad
    `tf.Variable(value, tf.float32)` sets `trainable` to the dtype, and the dtype of the variable stays that of the value.
    A dtype counts as true, so a variable of floats trains by accident; one made from whole numbers stays an integer and gets no gradient.
    `tf.random_normal([3], 10)` is a vector with a mean of 10, not a matrix, and `tf.zeros(3, 4)` a vector whose dtype has the number 4.

    ## Example
    ```python
    w = tf.Variable(tf.zeros([3, 10]), tf.float32)
    ```

    ## Use instead
    ```python
    w = tf.Variable(tf.zeros([3, 10]), dtype=tf.float32)
    ```

    ## Fix safety
    Safe where the initial value has that dtype already: the variable is the same, only `trainable` becomes `True`, as which the dtype counted.
    Unsafe where the dtype of the variable changes, or where the initial value is not known.

    ## Probe
    Makes such a variable with the installed TensorFlow and reads its dtype, `trainable`, and whether it gets a gradient.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/Variable
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/Variable
    """

    name, code, category, severity = "dtype-passed-as-trainable", "TL706", "shape", "warning"
    rank = 20
    evidence = ("certificate",)
    message = "{what}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3, 10]), dtype=tf.float32)\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.matmul(x, w)))\n",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "w = tf.Variable(tf.zeros([3, 10]), False)\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.matmul(x, tf.get_variable('v', [3, 10])) + tf.matmul(x, w)))\n",
            why="the second argument says whether it trains",
        ),
        Valid(
            "import tensorflow as tf\ndef make(value, kind):\n    return tf.Variable(value, kind)\n",
            why="what the caller passes is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "a = tf.zeros([3, 4])\n"
            "b = tf.zeros([3], tf.int32)\n"
            "c = tf.random_normal([3, 4], 0.0, 0.1)\n"
            "d = tf.constant(1.0, tf.float32, [3])\n"
            "with tf.Session() as session:\n"
            "    session.run([a, b, c, d])\n",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3, 10]), tf.float32)\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.matmul(x, w)))\n",
            at="tf.float32",
            severity="warning",
            message="`trainable`",
            fixed="import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3, 10]), dtype=tf.float32)\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.matmul(x, w)))\n",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    dtype = tf.float32\n"
            "def weight(shape):\n"
            "    return tf.Variable(tf.truncated_normal(shape, stddev=0.1), Config.dtype)\n"
            "h = tf.placeholder(tf.float32, [None, 8])\n"
            "for rows, columns in [(8, 8), (8, 1)]:\n"
            "    h = tf.matmul(h, weight([rows, columns]))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n",
            at="Config.dtype",
            severity="warning",
            fixed="import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    dtype = tf.float32\n"
            "def weight(shape):\n"
            "    return tf.Variable(tf.truncated_normal(shape, stddev=0.1), dtype=Config.dtype)\n"
            "h = tf.placeholder(tf.float32, [None, 8])\n"
            "for rows, columns in [(8, 8), (8, 1)]:\n"
            "    h = tf.matmul(h, weight([rows, columns]))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "b = tf.zeros(3, 4)\n"
            "with tf.Session() as session:\n"
            "    session.run(b)\n",
            at="4",
            message="`dtype`",
            fixed="import tensorflow as tf\n"
            "b = tf.zeros([3, 4])\n"
            "with tf.Session() as session:\n"
            "    session.run(b)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random_normal([3], 10))\n"
            "with tf.Session() as session:\n"
            "    session.run(w)\n",
            at="10",
            message="`mean`",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "weight = lambda shape: tf.Variable(tf.zeros(shape), 'float32')\n",
                "w = weight([4, 2])\n"
                "loss = tf.reduce_mean(tf.matmul(tf.placeholder(tf.float32, [None, 4]), w))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
            ),
            at="'float32'",
            cell=0,
            fixed="import tensorflow as tf\n"
            "weight = lambda shape: tf.Variable(tf.zeros(shape), dtype='float32')\n\n"
            "w = weight([4, 2])\n"
            "loss = tf.reduce_mean(tf.matmul(tf.placeholder(tf.float32, [None, 4]), w))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random.normal(300, 2))\n",
            at="2",
            message="a shape has to be a list: this stops with an error",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        yield from program.recall_each(self._of)

    def _of(self, program: Program, operation: Operation) -> Iterator[Report]:
        name = operation.symbol.name if operation.symbol is not None else ""
        if operation.kind == "variable" and name == "tf.Variable":
            yield from self._variable(program, operation)
        elif name in _FILLS and operation.kind == "constant":
            yield from self._fill(operation)
        elif name in _DRAWS and operation.kind == "random":
            yield from self._draw(operation)
        elif name == "tf.placeholder" and operation.kind == "placeholder":
            yield from self._placeholder(program, operation)
        elif name == "tf.constant":
            yield from self._constant(program, operation)

    def _variable(self, program: Program, operation: Operation) -> Iterator[Report]:
        argument = operation.arguments.get("trainable")
        dtype = dtype_of(argument)
        if argument is None or argument.place is None or dtype is None:
            return
        initial = (
            program.tensor(operation.inputs[0])
            if operation.inputs and isinstance(operation.inputs[0], Tensor)
            else None
        )
        known = _BASIC.get(initial.dtype or "", initial.dtype) if initial is not None else None
        remedies = []
        given = operation.arguments.get("dtype")
        if given is None or not given.given:
            safety = "safe" if known == dtype else "unsafe"
            remedies = [
                Remedy("Pass it as `dtype=`", safety, (RenameArgument(operation.place, argument.place, "dtype"),))
            ]
        what = f"the second argument of `tf.Variable` is `trainable`, so `{dtype}` says that it trains and the dtype stays that of the value"
        if known is not None and known.startswith(("int", "uint")) and not dtype.startswith(("int", "uint")):
            what += f", `{known}`, which gets no gradient"
        yield self.report(argument.place, what=what, remedies=remedies, subject=operation.id)

    def _fill(self, operation: Operation) -> Iterator[Report]:
        argument, shape = operation.arguments.get("dtype"), operation.arguments.get("shape")
        if argument is None or argument.place is None or not _is_int(argument.value):
            return
        remedies = []
        if shape is not None and shape.place is not None and _is_int(shape.value):
            value = ("[", Source(shape.place), ", ", Source(argument.place), "]")
            actions = (ReplaceValue(shape.place, value), RemoveArgument(operation.place, argument.place))
            remedies = [Remedy("Put both sizes into a list", "unsafe", actions)]
        base = operation.name.rsplit(".", 1)[-1]
        what = f"the second argument of `tf.{base}` is `dtype`, not a second size: {_shown(argument)} is the number of a type"
        yield self.report(argument.place, what=what, remedies=remedies, subject=operation.id)

    def _draw(self, operation: Operation) -> Iterator[Report]:
        argument, shape = operation.arguments.get("mean"), operation.output.shape
        given = operation.arguments.get("shape")
        is_bare = given is not None and _is_int(given.value)
        if (
            argument is None
            or argument.place is None
            or not getattr(argument, "positional", False)
            or not _is_int(argument.value)
        ):
            return
        if argument.value.value < 2:  # type: ignore[attr-defined]
            return
        if is_bare:
            effect = "and a shape has to be a list: this stops with an error"
        elif shape is not None and len(shape) < 2:
            effect = f"these are {shape[0] if shape else 1} numbers around {_shown(argument)}"
        else:
            return
        what = f"the second argument is the `mean`, not a second size{', ' if is_bare else ': '}{effect}"
        yield self.report(argument.place, what=what, subject=operation.id)

    def _placeholder(self, program: Program, operation: Operation) -> Iterator[Report]:
        dtype, shape = operation.arguments.get("dtype"), operation.arguments.get("shape")
        if dtype is None or dtype.place is None or not _is_list(program, dtype.value) or dtype_of(shape) is None:
            return
        assert shape is not None
        actions = []
        if shape.place is not None:
            actions = [
                SetArgument(operation.place, "dtype", (Source(shape.place),), existing=dtype.place),
                SetArgument(operation.place, "shape", (Source(dtype.place),), existing=shape.place),
            ]
        remedies = [Remedy("Swap dtype and shape", "safe", tuple(actions))] if actions else []
        yield self.report(
            dtype.place,
            what="the first argument of `tf.placeholder` is the dtype, the second the shape",
            remedies=remedies,
            subject=operation.id,
        )

    def _constant(self, program: Program, operation: Operation) -> Iterator[Report]:
        argument, shape = operation.arguments.get("dtype"), operation.arguments.get("shape")
        if argument is None or argument.place is None or not _is_list(program, argument.value):
            return
        remedies = []
        if shape is None or not shape.given:
            remedies = [
                Remedy("Pass it as `shape=`", "safe", (RenameArgument(operation.place, argument.place, "shape"),))
            ]
        yield self.report(
            argument.place,
            what="the second argument of `tf.constant` is `dtype`, not the shape",
            remedies=remedies,
            subject=operation.id,
        )


_BASIC = {"int": "int32", "float": "float32"}


def dtype_of(argument: Argument | None) -> str | None:
    """The dtype that an argument names: an object such as tf.float32, or its name."""
    value = argument.value if argument is not None else None
    if isinstance(value, Api):
        name = value.symbol.name.rsplit(".", 1)[-1]
        return name if name in _DTYPES and value.symbol.name.startswith(("tf.", "np.")) else None
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value if value.value in _DTYPES else None
    return None


def _is_int(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool)


def _is_list(program: Program, value: Value) -> bool:
    return isinstance(value, Tuple) or isinstance(program.record(value), ListRecord)


def _shown(argument: Argument) -> str:
    return str(getattr(argument.value, "value", "it"))
