"""target-outside-output-range: targets that the last activation can never give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy
from trainlint.fixes.heads import linear_head
from trainlint.program.compiles import is_replaced
from trainlint.program.differences import COMPARING, compared
from trainlint.program.heads import asks_for_accuracy, feed_of, rebuilds, trained
from trainlint.program.raw import is_raw
from trainlint.program.reach import reach, told
from trainlint.program.values import Tensor, Unknown
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.reach import Reach

MARGIN = 0.05
"""Targets that stick out by less than this share of the range that is reached are noise."""

BOUNDED = ("sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign")
"""Activations between two bounds: a regression rarely means them."""


class TargetOutsideOutputRange(Rule):
    """
    ## What it does
    Reports a squared or absolute error whose targets are proved to lie outside of what the last activation can give.
    That is negative targets under a relu, targets above 1 under a sigmoid, or beyond -1 and 1 under a tanh.
    A sigmoid or tanh under such a loss with targets that are not known is an information.

    ## Why it is bad
    The network cannot give those answers, however long it trains.
    It pushes the activation to its bound, where its gradient is 0, and stays there.

    ## Example
    ```python
    prices = np.random.uniform(100, 900, size=(500, 1))
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss="mse")
    model.fit(x, prices)
    ```

    ## Use instead
    ```python
    prices = np.random.uniform(100, 900, size=(500, 1))
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("adam", loss="mse")
    model.fit(x, prices)
    ```

    ## Fix safety
    Unsafe: scaling the targets into the range of the activation is the other way.

    ## Probe
    Compares the range of the labels with what the activation gives, which decides; then trains with and without the repair.

    ## References
    - https://stackoverflow.com/questions/48221692
    - Ben Braiek and Khomh, "Testing Feedforward Neural Networks Training Programs", TOSEM 2022
    """

    name, code, category, severity = "target-outside-output-range", "TL306", "loss", "error"
    rank = 48
    evidence = ("certificate", "training")
    message = "the {function} of the last layer gives {reachable}, but the targets {lie}"

    VALID = [
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "prices = np.random.uniform(100, 900, size=(500, 1))\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 8)), prices)\n"
            ),
        ),
        Valid(
            (
                "import numpy as np\n"
                "from sklearn.preprocessing import MinMaxScaler\n"
                "from tensorflow import keras\n"
                "\n"
                "prices = MinMaxScaler().fit_transform(np.random.uniform(100, 900, size=(500, 1)))\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="mse", metrics=["accuracy"])\n'
                "model.fit(np.random.normal(size=(500, 8)), prices)\n"
            ),
            why="The targets are scaled to fit.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "angles = np.random.uniform(-3, 3, size=(500, 1))\n"
                "targets = (angles - angles.min()) / (angles.max() - angles.min())\n"
                'model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="relu")])\n'
                'model.compile("adam", loss="mae")\n'
                "model.fit(angles, targets)\n"
            ),
            why="Bounds that merely hold say nothing: these targets lie between 0 and 1.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "angles = np.random.uniform(-10, 10, size=(500, 1))\n"
                "targets = np.sin(angles) + np.random.normal(0, 0.1, size=(500, 1))\n"
                'model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="tanh")])\n'
                'model.compile("adam", loss="mse")\n'
                "model.fit(angles, targets)\n"
            ),
            why="Noise brings a few targets a little beyond 1; the mean of many stays within.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "answer = 100.0 * tf.nn.sigmoid(tf.layers.dense(x, 1))\n"
                "loss = tf.reduce_mean(tf.square(y - answer))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="What follows the sigmoid gives it another range.",
        ),
        Valid(
            (
                "import pandas as pd\n"
                "from tensorflow import keras\n"
                "\n"
                'table = pd.read_csv("cars.csv")\n'
                'y = table.pop("mileage").to_numpy()\n'
                "y = (y - y.min()) / (y.max() - y.min())\n"
                'model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="mse")\n'
                "model.fit(table.to_numpy(), y)\n"
            ),
            why="The author computes something with the targets, such as a scale.",
        ),
        Valid(
            "",
            cells=(
                ('import numpy as np\nfrom tensorflow import keras\nimages = np.load("images.npy")\n'),
                (
                    'model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8), keras.layers.Dense(64, "sigmoid")])\n'
                    'model.compile("adam", loss="mse")\n'
                    "model.fit(images, images)\n"
                ),
            ),
            why="An autoencoder of data that is not known.",
        ),
    ]
    INVALID = [
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "prices = np.random.uniform(100, 900, size=(500, 1))\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 8)), prices)\n"
            ),
            at='"sigmoid"',
            severity="error",
            message="gives 0 to 1, but the targets go from 100 to 900",
            traces=("the targets are made here",),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "prices = np.random.uniform(100, 900, size=(500, 1))\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation=None)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 8)), prices)\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "answer = tf.nn.relu(tf.layers.dense(x, 1))\n"
                "loss = tf.reduce_mean(tf.square(y - answer))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    for step in range(100):\n"
                "        rows = np.random.normal(size=(50, 8))\n"
                "        session.run(train, {x: rows, y: np.random.normal(size=(50, 1))})\n"
            ),
            at="tf.nn.relu(tf.layers.dense(x, 1))",
            severity="error",
            message="gives no negative numbers",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "answer = tf.layers.dense(x, 1)\n"
                "loss = tf.reduce_mean(tf.square(y - answer))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    for step in range(100):\n"
                "        rows = np.random.normal(size=(50, 8))\n"
                "        session.run(train, {x: rows, y: np.random.normal(size=(50, 1))})\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from keras import Input, Sequential\n"
                "from keras.datasets import boston_housing\n"
                "from keras.layers import Dense\n"
                "\n"
                "\n"
                "class Config:\n"
                "    sizes = (16, 1)\n"
                '    activations = ("relu", "tanh")\n'
                "\n"
                "\n"
                "def load():\n"
                "    return boston_housing.load_data()\n"
                "\n"
                "\n"
                "(x, y), _ = load()\n"
                "x = (x - x.mean(axis=0)) / x.std(axis=0)\n"
                "model = Sequential([Input((13,))])\n"
                "for size, activation in zip(Config.sizes, Config.activations):\n"
                "    model.add(Dense(size, activation=activation))\n"
                'model.compile("adam", loss="mae")\n'
                "model.fit(x, y)\n"
            ),
            at="activation",
            occurrence=4,
            severity="error",
            message="-1 to 1, but the targets go from 5 to 50",
        ),
        Invalid(
            (
                "import pandas as pd\n"
                "from tensorflow import keras\n"
                "\n"
                'table = pd.read_csv("cars.csv")\n'
                'y = table.pop("mileage")\n'
                'model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="mse")\n'
                "model.fit(table.to_numpy(), y.to_numpy())\n"
            ),
            at='"sigmoid"',
            severity="info",
            message="no target outside",
            fixed=(
                "import pandas as pd\n"
                "from tensorflow import keras\n"
                "\n"
                'table = pd.read_csv("cars.csv")\n'
                'y = table.pop("mileage")\n'
                "model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(1, activation=None)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(table.to_numpy(), y.to_numpy())\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                (
                    "import numpy as np\n"
                    "import tensorflow as tf\n"
                    "from sklearn.preprocessing import StandardScaler\n"
                    'y = StandardScaler().fit_transform(np.load("y.npy"))\n'
                ),
                (
                    "inputs = tf.keras.Input((8,))\n"
                    'outputs = tf.keras.layers.Activation("relu")(tf.keras.layers.Dense(1)(inputs))\n'
                    "model = tf.keras.Model(inputs, outputs)\n"
                    'model.compile("adam", loss=tf.keras.losses.MeanSquaredError())\n'
                    'model.fit(np.load("x.npy"), y)\n'
                ),
            ),
            at='"relu"',
            severity="error",
            cell=1,
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "from sklearn.preprocessing import StandardScaler\n"
                'y = StandardScaler().fit_transform(np.load("y.npy"))\n'
                "\n"
                "inputs = tf.keras.Input((8,))\n"
                'outputs = tf.keras.layers.Activation("linear")(tf.keras.layers.Dense(1)(inputs))\n'
                "model = tf.keras.Model(inputs, outputs)\n"
                'model.compile("adam", loss=tf.keras.losses.MeanSquaredError())\n'
                'model.fit(np.load("x.npy"), y)\n'
            ),
        ),
        Invalid(
            "import pandas as pd\n"
            "from sklearn.preprocessing import StandardScaler\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('houses.csv')\n"
            "y = StandardScaler().fit_transform(table[['price']])\n"
            "x = StandardScaler().fit_transform(table[['area', 'rooms']])\n"
            "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, 'relu'), keras.layers.Dense(1, 'relu')])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="'relu'",
            occurrence=1,
            message="no negative numbers, but the targets are standardised: they lie on both sides of 0",
            fixed=(
                "import pandas as pd\n"
                "from sklearn.preprocessing import StandardScaler\n"
                "from tensorflow import keras\n"
                "table = pd.read_csv('houses.csv')\n"
                "y = StandardScaler().fit_transform(table[['price']])\n"
                "x = StandardScaler().fit_transform(table[['area', 'rooms']])\n"
                "model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, 'relu'), keras.layers.Dense(1, None)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
            ),
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        in_training = trained(program)
        for operation in program.of_kind(*COMPARING):
            if operation.id in in_training:
                yield from program.recall(self._of, operation)

    def _of(self, program: Program, operation: Operation) -> Iterator[Report]:
        operands = compared(program, operation)
        if operands is None or is_replaced(program, operation):
            return
        sides = (operands,) if operation.kind == "loss" else (operands, operands[::-1])
        for labels, predictions in sides:
            head = program.source(predictions)
            if head is None or head.kind != "activation" or not isinstance(labels, Tensor):
                continue
            if program.variables(labels) or not program.variables(predictions):
                continue
            yield from self._judge(program, operation, labels, head)

    def _judge(self, program: Program, loss: Operation, labels: Tensor, head: Operation) -> Iterator[Report]:
        function, low, high = head.attributes.get("function"), head.output.low, head.output.high
        if low is None or high is None or function == "linear":
            return
        remedy = linear_head(program, head.output)
        remedies = () if remedy is None else (Remedy("Make the last layer linear", "unsafe", (remedy,)),)
        found = reach(program, labels)
        if found is not None and _sticks_out(found, low, high):
            yield self.report(
                head.place, function=function, reachable=_interval(low, high), lie=told(found),
                trace=(Step(found.place, "the targets are made here"),), remedies=remedies, subject=head.id,
            )  # fmt: skip
        elif found is None and function in BOUNDED and self._may_be_wrong(program, loss, labels, head):
            yield self.report(
                head.place, severity="info", function=function, reachable=_interval(low, high),
                message="the {function} of the last layer gives {reachable}, and no target outside of that can be met",
                remedies=remedies, subject=head.id,
            )  # fmt: skip

    def _may_be_wrong(self, program: Program, loss: Operation, labels: Tensor, head: Operation) -> bool:
        """Whether nothing at all is known of the targets of what looks like a regression."""
        shape = head.output.shape
        if labels.low is not None or labels.high is not None or labels.encoding or labels.values:
            return False
        if shape is None or len(shape) != 2 or rebuilds(program, labels, head.output):
            return False
        if loss.kind != "loss" or asks_for_accuracy(program, loss):
            return False
        fed = feed_of(program, labels)
        if fed is None:
            return not _is_as_wide_as_inputs(program, head)
        # Of computed targets more may be known than is proved here: a scaled column, a share.
        given = isinstance(fed.value, Unknown) and fed.value.place is not None
        if not given and not is_raw(program, fed.value):
            return False
        together = (feed for event in program.events for feed in getattr(event, "feeds", ()) if feed.key is not fed.key)
        return not _is_as_wide_as_inputs(program, head) and all(feed.value != fed.value for feed in together)


def _is_as_wide_as_inputs(program: Program, head: Operation) -> bool:
    """Whether the network may be an autoencoder: it gives as many numbers as it gets."""
    assert head.output.shape is not None
    for key in program.ancestors(head.id):
        entry = program.operation(key)
        if entry is not None and entry.kind in ("input", "placeholder") and entry.output.shape:
            if entry.output.shape[-1] == head.output.shape[-1]:
                return True
    return False


def _sticks_out(found: Reach, low: float, high: float) -> bool:
    lowest, highest = found.usual
    span = highest - lowest if math.isinf(high - low) else high - low
    return lowest < low - MARGIN * max(span, 1e-9) or highest > high + MARGIN * max(span, 1e-9)


def _interval(low: float, high: float) -> str:
    if math.isinf(high):
        return "no negative numbers" if low == 0 else f"nothing below {low:g}"
    return f"nothing above {high:g}" if math.isinf(low) else f"{low:g} to {high:g}"
