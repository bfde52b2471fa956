"""label-encoding-mismatch: one-hot rows under a sparse loss, or class numbers under a categorical one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Action, ApiName, Remedy, ReplaceValue, Source
from trainlint.fixes.heads import other_loss
from trainlint.program.compiles import is_replaced
from trainlint.program.heads import argument_for, compiles, named
from trainlint.program.labels import CLASS_IDS, ONE_HOT, described, format_of, handed_over
from trainlint.program.training import computed_losses
from trainlint.program.values import Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

WANTED = {"softmax-cross-entropy": ONE_HOT, "sparse-softmax-cross-entropy": CLASS_IDS}


class LabelEncodingMismatch(Rule):
    """
    ## What it does
    Reports one-hot labels under a sparse cross-entropy, and class numbers under a categorical one.

    ## Why it is bad
    A sparse loss wants the number of each sample's class, a categorical one wants a row with a 1 in the column of the class.
    The wrong one stops with an error about shapes, often after minutes of loading data; old versions and hand-written loops train on garbage instead.

    ## Example
    ```python
    y = keras.utils.to_categorical(y, 10)
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(x, y)
    ```

    ## Use instead
    ```python
    y = keras.utils.to_categorical(y, 10)
    model.compile("adam", loss="categorical_crossentropy")
    model.fit(x, y)
    ```

    ## Fix safety
    Safe: both losses compute the same from the labels that they want, and the one that is written cannot take these.
    The fix changes the loss and never the data; where metrics name the encoding too, there is none.

    ## Probe
    Takes one step of the installed framework with such labels: it runs or it does not.

    ## References
    - https://keras.io/api/losses/probabilistic_losses/
    - https://stackoverflow.com/questions/42081257
    - Islam et al., "A Comprehensive Study on Deep Learning Bug Characteristics", ESEC/FSE 2019
    """

    name, code, category, severity = "label-encoding-mismatch", "TL304", "loss", "error"
    rank = 75
    evidence = ("certificate",)
    message = "{loss} wants {wanted}, but the labels are {given}{shape}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "def one_hot(code, n):\n"
            "    vector = np.zeros(n)\n"
            "    vector[code] = 1\n"
            "    return vector\n"
            "y = one_hot(codes['happy'], len(codes))\n"
            "model = tf.keras.Sequential([\n"
            "    tf.keras.layers.Dense(3, activation='relu', input_shape=(1, 5)), tf.keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(context().reshape(1, -1), y.reshape(1, -1))\n",
            why="the only row of the labels holds zeros and a one",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500)\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
        ),
        Valid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "loss = tf.losses.softmax_cross_entropy(tf.one_hot(y, 4), tf.layers.dense(x, 4))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(train, {x: np.random.normal(size=(50, 8)), y: np.random.randint(0, 4, size=50)})\n"
            ),
            why="The numbers become rows on the way.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "def load(path):\n"
                '    return np.load(path + "/x.npy"), np.load(path + "/y.npy")\n'
                "\n"
                "\n"
                'x, y = load("data")\n'
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
            why="What the file holds is not known.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "rows = np.random.randint(0, 50, size=(500, 12))\n"
                "model = keras.Sequential(\n"
                '    [keras.Input((12,)), keras.layers.Embedding(50, 8), keras.layers.Dense(50, activation="softmax")]\n'
                ")\n"
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(rows, rows)\n"
            ),
            why="Twelve class numbers for each sample, one for each step.",
        ),
        Valid(
            "",
            cells=(
                (
                    "import numpy as np\n"
                    "from tensorflow import keras\n"
                    "x = np.random.normal(size=(500, 20))\n"
                    "y = keras.utils.to_categorical(np.random.randint(0, 10, size=500), 10)\n"
                ),
                (
                    'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                    'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                    "model.fit(x, np.argmax(y, axis=1))\n"
                ),
            ),
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "class Batches(keras.utils.Sequence):\n"
            "    def __init__(self, x, y):\n"
            "        self.x, self.y = x, y\n"
            "    def __len__(self):\n"
            "        return len(self.x) // 16\n"
            "    def __getitem__(self, index):\n"
            "        rows = slice(index * 16, index * 16 + 16)\n"
            "        return self.x[rows], keras.utils.to_categorical(self.y[rows], 6)\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(6, activation='softmax')])\n"
            "model.compile('adam', loss='categorical_crossentropy')\n"
            "model.fit(Batches(np.load('x.npy'), np.load('y.npy')), epochs=3)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "scores = tf.random.normal([1, 4]) @ tf.random.normal([4, 3])\n"
            "loss = tf.keras.losses.categorical_crossentropy(tf.constant([0, 1, 0]), scores, from_logits=True)\n",
            why="one row for one sample",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "x, y = np.random.rand(100, 8), np.random.randint(0, 5, 100)\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, activation="softmax")])\n'
            'model.compile("adam", "categorical_crossentropy")\n'
            "model.fit(x, keras.utils.to_categorical(y, 5))\n"
            'model.compile("adam", "sparse_categorical_crossentropy")\n',
            why="compiled anew for other labels",
        ),
    ]
    INVALID = [
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500)\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])\n'
                "model.fit(x, keras.utils.to_categorical(y, 10))\n"
            ),
            at='"sparse_categorical_crossentropy"',
            severity="error",
            message="wants class numbers, but the labels are one-hot rows of 10",
            traces=("the labels are handed over here",),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500)\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])\n'
                "model.fit(x, keras.utils.to_categorical(y, 10))\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "(x, y), _ = tf.keras.datasets.mnist.load_data()\n"
                "model = tf.keras.Sequential(\n"
                "    [\n"
                "        tf.keras.Input((28, 28)),\n"
                "        tf.keras.layers.Rescaling(1 / 255),\n"
                "        tf.keras.layers.Flatten(),\n"
                "        tf.keras.layers.Dense(10),\n"
                "    ]\n"
                ")\n"
                'model.compile("adam", loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True))\n'
                "model.fit(x, y)\n"
            ),
            at="tf.keras.losses.CategoricalCrossentropy(from_logits=True)",
            severity="error",
            message="wants one-hot rows, but the labels are class numbers",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "(x, y), _ = tf.keras.datasets.mnist.load_data()\n"
                "model = tf.keras.Sequential(\n"
                "    [\n"
                "        tf.keras.Input((28, 28)),\n"
                "        tf.keras.layers.Rescaling(1 / 255),\n"
                "        tf.keras.layers.Flatten(),\n"
                "        tf.keras.layers.Dense(10),\n"
                "    ]\n"
                ")\n"
                'model.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32)\n"
                "scores = tf.layers.dense(x, 4)\n"
                "loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    for step in range(100):\n"
                "        rows = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
                "        session.run(train, {x: np.random.normal(size=(50, 8)), y: rows})\n"
            ),
            at="tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)",
            severity="error",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32)\n"
                "scores = tf.layers.dense(x, 4)\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    for step in range(100):\n"
                "        rows = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
                "        session.run(train, {x: np.random.normal(size=(50, 8)), y: rows})\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from keras import Input, Sequential\n"
                "from keras.layers import Dense\n"
                "from keras.metrics import CategoricalAccuracy\n"
                "\n"
                "\n"
                "class Config:\n"
                '    loss = "categorical_crossentropy"\n'
                "\n"
                "\n"
                "def labels(count):\n"
                "    return np.random.randint(0, 5, size=count)\n"
                "\n"
                "\n"
                'model = Sequential([Input((8,)), Dense(5, activation="softmax")])\n'
                'model.compile("adam", loss=Config.loss, metrics=[CategoricalAccuracy()])\n'
                "model.fit(np.random.normal(size=(500, 8)), labels(500))\n"
            ),
            at="Config.loss",
            severity="error",
            why="The metric would have to follow, so there is no fix.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from sklearn.preprocessing import LabelEncoder\n"
                    "from tensorflow import keras\n"
                    "import numpy as np\n"
                    'y = LabelEncoder().fit_transform(np.load("names.npy"))\n'
                ),
                (
                    'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                    'model.compile("adam", loss="categorical_crossentropy")\n'
                    'model.fit(np.load("x.npy"), y)\n'
                ),
            ),
            at='"categorical_crossentropy"',
            severity="error",
            cell=1,
            fixed=(
                "from sklearn.preprocessing import LabelEncoder\n"
                "from tensorflow import keras\n"
                "import numpy as np\n"
                'y = LabelEncoder().fit_transform(np.load("names.npy"))\n'
                "\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                'model.fit(np.load("x.npy"), y)\n'
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "class Batches(keras.utils.Sequence):\n"
            "    def __init__(self, x, y):\n"
            "        self.x, self.y = x, y\n"
            "    def __len__(self):\n"
            "        return len(self.x) // 16\n"
            "    def __getitem__(self, index):\n"
            "        rows = slice(index * 16, index * 16 + 16)\n"
            "        return self.x[rows], keras.utils.to_categorical(self.y[rows], 6)\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(6, activation='softmax')])\n"
            "model.compile('adam', loss='sparse_categorical_crossentropy')\n"
            "model.fit(Batches(np.load('x.npy'), np.load('y.npy')), epochs=3)\n",
            at="'sparse_categorical_crossentropy'",
            severity="error",
            fixed="import numpy as np\n"
            "from tensorflow import keras\n"
            "class Batches(keras.utils.Sequence):\n"
            "    def __init__(self, x, y):\n"
            "        self.x, self.y = x, y\n"
            "    def __len__(self):\n"
            "        return len(self.x) // 16\n"
            "    def __getitem__(self, index):\n"
            "        rows = slice(index * 16, index * 16 + 16)\n"
            "        return self.x[rows], keras.utils.to_categorical(self.y[rows], 6)\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(6, activation='softmax')])\n"
            "model.compile('adam', loss='categorical_crossentropy')\n"
            "model.fit(Batches(np.load('x.npy'), np.load('y.npy')), epochs=3)\n",
            why="The batches are made by a class of the user's own.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for loss in computed_losses(program):
            wanted = WANTED.get(str(loss.attributes.get("function")))
            labels, predictions = loss.attributes.get("labels"), loss.attributes.get("predictions")
            if wanted is None or not isinstance(labels, Tensor) or not isinstance(predictions, Tensor):
                continue
            given = format_of(labels, predictions)
            if given is None or given == wanted or program.variables(labels) or is_replaced(program, loss):
                continue
            width = labels.shape[-1] if labels.shape else None
            place = handed_over(program, labels)
            yield self.report(
                loss.place, loss=named(loss), wanted=described(wanted), given=described(given),
                shape=f" of {width}" if given == ONE_HOT and isinstance(width, int) else "",
                trace=() if place is None or place == loss.place else (Step(place, "the labels are handed over here"),),
                remedies=_remedies(program, loss, labels, given), subject=loss.id,
            )  # fmt: skip


def _remedies(program: Program, loss: Operation, labels: Tensor, given: str) -> list[Remedy]:
    is_sparse = given == CLASS_IDS
    title = f"Use the {'sparse ' if is_sparse else ''}categorical cross-entropy"
    action: Action | None
    if loss.attributes.get("compiled"):
        if _metrics_name_encoding(program, loss):
            return []
        action = other_loss(program, loss, f"{'sparse_' if is_sparse else ''}categorical_crossentropy")
    else:
        action = _called(loss, labels, is_sparse)
    return [] if action is None else [Remedy(title, "safe", (action,))]


def _metrics_name_encoding(program: Program, loss: Operation) -> bool:
    """Whether a metric of the model is made for one encoding, or is not known."""
    for arguments in compiles(program, loss):
        metrics = arguments.get("metrics")
        for item in program.items(metrics.value) if metrics is not None else ():
            if isinstance(item, Const) and (item.value is None or item.value in ("accuracy", "acc")):
                continue
            return True
    return False


def _called(loss: Operation, labels: Tensor, is_sparse: bool) -> Action | None:
    """The other function of TensorFlow, with the same two arguments."""
    targets, scores = argument_for(loss, labels), argument_for(loss, loss.attributes["predictions"])
    given = [argument for argument in loss.arguments.values() if argument.given]
    if targets is None or scores is None or len(given) != 2 or targets.place is None or scores.place is None:
        return None
    function = f"{'sparse_' if is_sparse else ''}softmax_cross_entropy"
    if loss.attributes.get("form") == "raw" and not is_sparse:
        path = f"tensorflow.nn.{function}_with_logits"
        arguments = ("(labels=", Source(targets.place), ", logits=", Source(scores.place), ")")
    elif loss.attributes.get("form") == "v1" and (not is_sparse or (labels.dtype or "").startswith("int")):
        path = f"tensorflow.losses.{function}"
        arguments = ("(", Source(targets.place), ", ", Source(scores.place), ")")
    else:
        # Sparse labels have to be integers, which a placeholder of floats is not.
        return None
    return ReplaceValue(loss.place, (ApiName(path, loss.place), *arguments))
