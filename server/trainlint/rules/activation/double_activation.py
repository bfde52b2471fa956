"""double-activation: two activations in a row on the same tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy
from trainlint.fixes.heads import without
from trainlint.program.heads import sharing_place
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

IDEMPOTENT = ("relu", "relu6")
"""Applied twice they give what they give once."""

ANSWERS = ("softmax", "sigmoid", "log_softmax")
"""What turns scores into an answer; what is wrong with bent scores is another matter."""

BUILDING = ("softplus", "exponential", "log_sigmoid", "log_softmax", "linear", "crelu")
"""Functions that formulas are made of, such as `tanh(softplus(x))` in Mish."""


class DoubleActivation(Rule):
    """
    ## What it does
    Reports an activation whose result goes into another activation, with nothing but reshaping or dropout between them.

    ## Why it is bad
    Mostly the activation was given twice, once as an argument of the layer and once as a layer of its own, and only one was meant.
    A `LeakyReLU` after a relu never sees a negative number, so it does nothing; a tanh after a relu loses half of its range; a softmax of a softmax is nearly uniform.

    ## Example
    ```python
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.LeakyReLU())
    ```

    ## Use instead
    ```python
    model.add(layers.Dense(64))
    model.add(layers.LeakyReLU())
    ```

    ## Fix safety
    Unsafe: it takes the first of the two away, and which one was meant cannot be told.
    Only for a relu after a relu it is safe, since that gives the same.

    ## Probe
    What the second one can give follows from what the first one gives.

    ## References
    - https://keras.io/api/layers/activations/
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", TOSEM 2021
    """

    name, code, category, severity = "double-activation", "TL205", "activation", "warning"
    rank = 45
    evidence = ("certificate",)
    in_all_calls = True
    message = "{second} is applied to the result of {first}{effect}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "def block(x, filters):\n"
            "    y = tf.layers.conv1d(tf.nn.relu(x), filters, 3, padding='same')\n"
            "    return x + y\n"
            "x = tf.placeholder(tf.float32, [None, 64, 4])\n"
            "net = tf.nn.relu(tf.layers.conv1d(x, 32, 3, padding='same'))\n"
            "net = block(net, 32)\n"
            "net = block(net, 32)\n"
            "scores = tf.layers.dense(tf.layers.flatten(tf.nn.relu(net)), 10)\n",
            why="the second block needs the activation that it begins with",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,))])\n"
                "model.add(layers.Dense(64))\n"
                "model.add(layers.LeakyReLU())\n"
                "model.add(layers.Dense(1))\n"
                'model.compile("adam", loss="mse")\n'
            ),
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "hidden = tf.nn.relu(tf.layers.dense(x, 16))\n"
                "hidden = tf.layers.batch_normalization(hidden, training=True)\n"
                "hidden = tf.nn.relu(hidden)\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 1)))\n"
            ),
            why="Batch normalization stands between them.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def mish(x):\n"
                "    return x * tf.tanh(tf.nn.softplus(x))\n"
                "\n"
                "\n"
                "def residual(x, units):\n"
                "    return tf.nn.relu(x + tf.nn.relu(tf.layers.dense(x, units)))\n"
                "\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 16])\n"
                "out = residual(mish(tf.layers.dense(x, 16)), 16)\n"
            ),
            why="A formula, and a sum before the second.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "\n"
                "def block(x, config):\n"
                '    return config["activation"](layers.Dense(8, activation=config["inner"])(x))\n'
            ),
            why="What the configuration holds is not known.",
        ),
        Valid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    "inputs = keras.Input((20,))\n"
                    'hidden = layers.Dense(16, activation="relu")(inputs)\n'
                ),
                (
                    'gate = layers.Dense(16, activation="sigmoid")(hidden)\n'
                    "model = keras.Model(inputs, layers.Dense(1)(layers.multiply([hidden, gate])))\n"
                    'model.compile("adam", loss="mse")\n'
                ),
            ),
        ),
    ]
    INVALID = [
        Invalid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,))])\n"
                'model.add(layers.Dense(64, activation="relu"))\n'
                "model.add(layers.LeakyReLU())\n"
                "model.add(layers.Dense(1))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            at="layers.LeakyReLU()",
            severity="warning",
            message="leaky_relu is applied to the result of relu",
            traces=("the first one is here",),
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,))])\n"
                "model.add(layers.Dense(64, activation=None))\n"
                "model.add(layers.LeakyReLU())\n"
                "model.add(layers.Dense(1))\n"
                'model.compile("adam", loss="mse")\n'
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
                "hidden = tf.nn.relu(hidden)\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.nn.relu(hidden)",
            severity="warning",
            message="which changes nothing",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "hidden = tf.layers.dense(x, 16, activation=None)\n"
                "hidden = tf.nn.relu(hidden)\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                '    activation = "tanh"\n'
                "    sizes = (64, 32)\n"
                "\n"
                "\n"
                "def block(x, units):\n"
                "    x = tf.keras.layers.Dense(units, activation=Config.activation)(x)\n"
                "    return tf.keras.layers.ReLU()(tf.keras.layers.Dropout(0.2)(x))\n"
                "\n"
                "\n"
                "inputs = tf.keras.Input((20,))\n"
                "x = inputs\n"
                "for size in Config.sizes:\n"
                "    x = block(x, size)\n"
                "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(x))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            at="tf.keras.layers.ReLU()",
            severity="warning",
            message="relu is applied to the result of tanh",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from keras import Input, Sequential\n"
                    "from keras.layers import Activation, Dense\n"
                    'model = Sequential([Input((20,)), Dense(5, activation="softmax")])\n'
                ),
                ('model.add(Activation("softmax"))\nmodel.compile("adam", loss="categorical_crossentropy")\n'),
            ),
            at='"softmax"',
            occurrence=1,
            severity="error",
            message="nearly uniform",
            cell=1,
            fixed=(
                "from keras import Input, Sequential\n"
                "from keras.layers import Activation, Dense\n"
                "model = Sequential([Input((20,)), Dense(5, activation=None)])\n"
                "\n"
                'model.add(Activation("softmax"))\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
            ),
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for second in program.of_kind("activation"):
            first = _first(program, second)
            if first is None or any(_first(program, other) is None for other in sharing_place(program, second)):
                continue  # a block that begins with an activation needs it in its other calls
            function, before = second.attributes.get("function"), first.attributes.get("function")
            is_same = function == before
            effect = ""
            if is_same and function in IDEMPOTENT:
                effect = ", which changes nothing"
            elif is_same and function == "softmax":
                effect = ": what comes out is nearly uniform"
            remedy = without(program, first)
            is_safe = is_same and function in IDEMPOTENT
            yield self.report(
                second.place, severity="error" if is_same and function == "softmax" else "warning",
                first=before, second=function, effect=effect,
                trace=(Step(first.place, "the first one is here"),) if first.place != second.place else (),
                remedies=() if remedy is None else (
                    Remedy("Take the first of the two away", "safe" if is_safe else "unsafe", (remedy,)),
                ),
                subject=first.id,
            )  # fmt: skip


def _first(program: Program, second: Operation) -> Operation | None:
    """The activation whose result an activation gets; None where that is meant, or gets something else."""
    function = second.attributes.get("function")
    first = program.source(second.inputs[0]) if second.inputs else None
    if first is None or first.kind != "activation" or function in BUILDING:
        return None
    before = first.attributes.get("function")
    if before in BUILDING or (function in ANSWERS and before not in ANSWERS):
        return None
    if any(user.kind == "multiply" for user in program.consumers(second.id)):
        return None  # a gate
    return None if first.place == second.place and first.layer is None else first
