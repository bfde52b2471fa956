"""loss-head-mismatch: the last layer's units and activation do not belong to the cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy
from trainlint.fixes.heads import other_activation, other_loss
from trainlint.program.compiles import is_replaced
from trainlint.program.heads import activation_behind, named, rebuilds, weights_before, width
from trainlint.program.labels import (
    CLASS_IDS,
    ONE_HOT,
    SEVERAL,
    are_exclusive,
    are_several,
    described,
    format_of,
    handed_over,
    is_chosen_from,
)
from trainlint.program.training import computed_losses
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id

SOFTMAX, SPARSE, SIGMOID = "softmax-cross-entropy", "sparse-softmax-cross-entropy", "sigmoid-cross-entropy"


class LossHeadMismatch(Rule):
    """
    ## What it does
    Reports a last layer whose number of units or activation does not belong to its cross-entropy.
    That is one unit under a categorical loss, a softmax under a binary one, sigmoids under a categorical one, or more or fewer units than the labels have classes.
    A softmax for labels of which several may hold at once is a warning, and so are sigmoids under a categorical loss.

    ## Why it is bad
    Keras trains most of these pairs without a word, on a loss that does not say how wrong the answers are.

    Categorical cross-entropy over one unit is 0 whatever the network answers; where Keras 2 is given plain vectors, it lets the samples of a batch compete instead.
    Binary cross-entropy takes the units of a softmax for independent yes-or-no questions, which is not what `predict` then answers; older versions also report an accuracy that counts every right "no".
    Categorical cross-entropy makes sigmoids compete as in a softmax and trains them alike, while `predict` returns numbers that do not add up to 1.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", loss="binary_crossentropy")
    model.fit(x, keras.utils.to_categorical(y, 10))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", loss="categorical_crossentropy")
    model.fit(x, keras.utils.to_categorical(y, 10))
    ```

    ## Fix safety
    Unsafe: the loss changes, and with it what is learned.
    Only for a single sigmoid under categorical cross-entropy it is safe: that loss is always 0, so no right program has it.

    ## Probe
    Takes one step of the installed Keras with the same head, loss and labels.
    An error, a loss of 0, or another loss than that of the answers decides; otherwise trains with either loss and compares.

    ## References
    - https://stackoverflow.com/questions/42081257
    - https://stackoverflow.com/questions/41327601
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", TOSEM 2021
    """

    name, code, category, severity = "loss-head-mismatch", "TL303", "loss", "error"
    rank = 100
    evidence = ("certificate", "training")
    message = "{loss} {problem}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "class Net(object):\n"
            "    def __init__(self, session, n_in=1, n_hidden=1, n_out=1):\n"
            "        self._session = session\n"
            "        self._n_in, self._n_hidden, self._n_out = n_in, n_hidden, n_out\n"
            "        self._x = tf.placeholder(tf.float32, [None, n_in])\n"
            "        self._t = tf.placeholder(tf.int32, [None])\n"
            "\n"
            "    def model(self):\n"
            "        w = tf.Variable(tf.truncated_normal([self._n_in, self._n_out], stddev=0.1))\n"
            "        b = tf.Variable(tf.zeros([self._n_out]))\n"
            "        self._scores = tf.matmul(self._x, w) + b\n"
            "        self._y = tf.nn.softmax(self._scores)\n"
            "        return self._y\n"
            "\n"
            "    def loss(self):\n"
            "        self._loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(\n"
            "            labels=self._t, logits=self._scores))\n"
            "        return self._loss\n"
            "\n"
            "    def predict(self, x):\n"
            "        prob = self._session.run(self._y, feed_dict={self._x: x})\n"
            "        return np.argmax(prob, axis=1)\n",
            why="whoever makes the object says how many outputs it has",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "inputs = keras.Input((20,))\n"
                "digits = [keras.layers.Dense(10, activation='softmax')(inputs) for _ in range(4)]\n"
                "model = keras.Model(inputs, keras.layers.Concatenate()(digits))\n"
                "model.compile('adam', 'binary_crossentropy')\n"
            ),
            why="four softmaxes side by side are none of 40",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500)\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "model.fit(x, keras.utils.to_categorical(y, 10))\n"
            ),
        ),
        Valid(
            (
                "import numpy as np\n"
                "from sklearn.preprocessing import MultiLabelBinarizer\n"
                "from tensorflow import keras\n"
                "\n"
                'tags = MultiLabelBinarizer().fit_transform([["a", "b"], ["b"], []])\n'
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(5, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(np.random.normal(size=(3, 20)), tags)\n"
            ),
            why="Several labels may hold for one sample: each has its own sigmoid.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 5])\n"
                "scores = tf.layers.dense(x, 5)\n"
                "loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "best = tf.argmax(scores, 1)\n"
            ),
            why="Nothing says that the labels exclude each other.",
        ),
        Valid(
            (
                "import argparse\n"
                "from tensorflow import keras\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--units", type=int)\n'
                "units = parser.parse_args().units\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(units, activation="softmax")])\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
            ),
            why="How many units there are is not known.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "pieces = keras.utils.to_categorical(np.random.randint(0, 4, size=(500, 12)), 4)\n"
                "inputs = keras.Input((12, 4))\n"
                "code = keras.layers.LSTM(8)(inputs)\n"
                "states = keras.layers.LSTM(8, return_sequences=True)(keras.layers.RepeatVector(12)(code))\n"
                'model = keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(states))\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "model.fit(pieces, pieces)\n"
            ),
            why="One softmax for each of the twelve steps.",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow.keras.layers import Dense, Input\n"
            "from tensorflow.keras.models import Sequential\n"
            "model = Sequential([Input((8,)), Dense(16, activation='relu'), Dense(2, activation='softmax')])\n"
            "model.compile(loss='binary_crossentropy', optimizer='adam')\n"
            "labels = np.zeros((64, 2), dtype=np.uint8)\n"
            "labels[:, 1] = 1\n"
            "for step in range(100):\n"
            "    model.train_on_batch(np.random.normal(size=(64, 8)), labels)\n",
            why="for two units that add up to 1 the two losses are the same number",
        ),
        Valid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers as L\n"
                    "def head(classes):\n"
                    "    if classes == 2:\n"
                    '        return L.Dense(1, activation="sigmoid"), "binary_crossentropy"\n'
                    '    return L.Dense(classes, activation="softmax"), "sparse_categorical_crossentropy"\n'
                ),
                (
                    "layer, loss = head(2)\n"
                    "model = keras.Sequential([keras.Input((8,)), layer])\n"
                    'model.compile("adam", loss=loss)\n'
                ),
            ),
        ),
        Valid(
            "import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('visits.csv')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', loss='binary_crossentropy', metrics=['accuracy'])\n"
            "model.fit(table.values, answers)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "inputs = keras.Input((20,))\n"
            "hidden = keras.layers.Dense(32, activation='relu')(inputs)\n"
            "age = keras.layers.Dense(1, name='age')(hidden)\n"
            "kind = keras.layers.Dense(5, activation='softmax', name='kind')(hidden)\n"
            "model = keras.Model(inputs, [age, kind])\n"
            "model.compile('adam', loss={'kind': 'sparse_categorical_crossentropy', 'age': 'mse'})\n",
            why="losses in a dictionary go by name, not by order",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from data import read\n"
            "features, answers = read(), tf.placeholder(tf.int64, [None])\n"
            "scores = tf.keras.layers.Dense(1)(tf.convert_to_tensor(features))\n"
            "if scores.get_shape().as_list()[-1] == 1:\n"
            "    loss = tf.nn.sigmoid_cross_entropy_with_logits(logits=scores, labels=tf.cast(answers, tf.float32))\n"
            "else:\n"
            "    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=scores, labels=answers)\n"
            "tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n",
            why="the program asks how many outputs there are",
        ),
        Valid(
            "import numpy as np\n"
            "from sklearn.preprocessing import MultiLabelBinarizer\n"
            "from tensorflow import keras\n"
            "\n"
            'rows = MultiLabelBinarizer().fit_transform([[label] for label in np.load("y.npy")])\n'
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, activation="softmax")])\n'
            'model.compile("adam", "categorical_crossentropy")\n'
            'model.fit(np.load("x.npy"), rows)\n',
            why="each list holds one label",
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
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, keras.utils.to_categorical(y, 10))\n"
            ),
            at='"binary_crossentropy"',
            severity="error",
            message="10 units of a softmax",
            traces=("the softmax is here", "the labels are one-hot rows"),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500)\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "model.fit(x, keras.utils.to_categorical(y, 10))\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])\n'
                "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 2, size=500))\n"
            ),
            at='"categorical_crossentropy"',
            severity="error",
            message="says nothing of the answer",
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])\n'
                "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 2, size=500))\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "scores = tf.layers.dense(tf.layers.dense(x, 16, activation=tf.nn.relu), 1)\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=scores)",
            severity="error",
            message="is 0 whatever",
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 5])\n"
                "scores = tf.layers.dense(x, 5)\n"
                "loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "hits = tf.equal(tf.argmax(scores, 1), tf.argmax(y, 1))\n"
            ),
            at="tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores)",
            severity="warning",
            message="5 classes that exclude each other",
            why="The accuracy counts one class for each row of labels.",
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 4])\n"
                "scores = tensor = x\n"
                "for units in (16, 4):\n"
                "    scores = tensor = tf.layers.dense(tensor, units)\n"
                "loss = tf.losses.sigmoid_cross_entropy(y, scores)\n"
                "train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)\n"
                "answer = tf.argmax(tf.nn.softmax(scores), 1)\n"
                "rows = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    session.run(train, {x: np.random.normal(size=(50, 8)), y: rows})\n"
            ),
            at="tf.losses.sigmoid_cross_entropy(y, scores)",
            severity="warning",
            message="4 classes that exclude each other",
            traces=("the labels are one-hot rows",),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 4\n"
                "    loss = tf.keras.losses.SparseCategoricalCrossentropy\n"
                "\n"
                "\n"
                "def build(units):\n"
                "    inputs = tf.keras.Input((8,))\n"
                '    return tf.keras.Model(inputs, tf.keras.layers.Dense(units, activation="sigmoid")(inputs))\n'
                "\n"
                "\n"
                "model = build(Config.classes)\n"
                'model.compile(optimizer="sgd", loss=Config.loss())\n'
                "model.fit(np.random.normal(size=(500, 8)), np.random.randint(0, 4, size=500))\n"
            ),
            at="Config.loss()",
            severity="warning",
            message="4 sigmoids",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 4\n"
                "    loss = tf.keras.losses.SparseCategoricalCrossentropy\n"
                "\n"
                "\n"
                "def build(units):\n"
                "    inputs = tf.keras.Input((8,))\n"
                '    return tf.keras.Model(inputs, tf.keras.layers.Dense(units, activation="softmax")(inputs))\n'
                "\n"
                "\n"
                "model = build(Config.classes)\n"
                'model.compile(optimizer="sgd", loss=Config.loss())\n'
                "model.fit(np.random.normal(size=(500, 8)), np.random.randint(0, 4, size=500))\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from keras import Input, Sequential\n"
                "from keras.layers import Dense\n"
                "\n"
                'x, y = np.load("x.npy"), np.load("y.npy")\n'
                'model = Sequential([Input((8,)), Dense(2, activation="softmax")])\n'
                'model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])\n'
                "model.fit(x, y)\n"
            ),
            at='"binary_crossentropy"',
            severity="warning",
            message="2 units of a softmax",
            fixed=(
                "import numpy as np\n"
                "from keras import Input, Sequential\n"
                "from keras.layers import Dense\n"
                "\n"
                'x, y = np.load("x.npy"), np.load("y.npy")\n'
                'model = Sequential([Input((8,)), Dense(2, activation="softmax")])\n'
                'model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])\n'
                "model.fit(x, y)\n"
            ),
            why="Whatever the labels are, a softmax is no pair of yes-or-no questions.",
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "(x, y), _ = keras.datasets.cifar10.load_data()\n"
                "model = keras.Sequential(\n"
                "    [\n"
                "        keras.Input((32, 32, 3)),\n"
                "        keras.layers.Rescaling(1 / 255),\n"
                "        keras.layers.Flatten(),\n"
                '        keras.layers.Dense(8, activation="softmax"),\n'
                "    ]\n"
                ")\n"
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "model.fit(x, keras.utils.to_categorical(y, 10))\n"
            ),
            at='"categorical_crossentropy"',
            severity="error",
            message="gets 8 outputs for labels of 10 classes",
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(0, 2, size=500)\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(2, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
            at='"binary_crossentropy"',
            severity="error",
            message="one number for each sample",
        ),
        Invalid(
            "",
            cells=(
                (
                    "import numpy as np\n"
                    "from tensorflow import keras\n"
                    "x, y = np.random.normal(size=(50, 8)), np.random.randint(0, 2, size=50)\n"
                    'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                ),
                ('model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy())\nmodel.fit(x, y)\n'),
            ),
            at="keras.losses.SparseCategoricalCrossentropy()",
            severity="error",
            message="has a single class",
            cell=1,
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "x, y = np.random.normal(size=(50, 8)), np.random.randint(0, 2, size=50)\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                "\n"
                'model.compile("adam", loss=keras.losses.BinaryCrossentropy())\n'
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from keras.models import Sequential\n"
                "from keras.layers import Dense\n"
                "x = np.random.rand(2000, 50)\n"
                'tags = (np.random.rand(2000, 5) > 0.7).astype("float32")\n'
                "model = Sequential()\n"
                'model.add(Dense(64, activation="relu", input_dim=50))\n'
                'model.add(Dense(5, activation="softmax"))\n'
                'model.compile(loss="categorical_crossentropy", optimizer="adam")\n'
                "model.fit(x, tags)\n"
            ),
            at='"categorical_crossentropy"',
            severity="warning",
            message="may hold several at once",
            fixed=(
                "import numpy as np\n"
                "from keras.models import Sequential\n"
                "from keras.layers import Dense\n"
                "x = np.random.rand(2000, 50)\n"
                'tags = (np.random.rand(2000, 5) > 0.7).astype("float32")\n'
                "model = Sequential()\n"
                'model.add(Dense(64, activation="relu", input_dim=50))\n'
                'model.add(Dense(5, activation="sigmoid"))\n'
                'model.compile(loss="binary_crossentropy", optimizer="adam")\n'
                "model.fit(x, tags)\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from sklearn.preprocessing import MultiLabelBinarizer\n"
                "from tensorflow import keras\n"
                "binarizer = MultiLabelBinarizer()\n"
                'tags = binarizer.fit_transform(np.load("tags.npy"))\n'
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(12, activation="softmax")])\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
                'model.fit(np.load("x.npy"), tags)\n'
            ),
            at='"categorical_crossentropy"',
            severity="warning",
            message="may hold several at once",
            fixed=(
                "import numpy as np\n"
                "from sklearn.preprocessing import MultiLabelBinarizer\n"
                "from tensorflow import keras\n"
                "binarizer = MultiLabelBinarizer()\n"
                'tags = binarizer.fit_transform(np.load("tags.npy"))\n'
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(12, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                'model.fit(np.load("x.npy"), tags)\n'
            ),
        ),
        Invalid(
            "import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('visits.csv')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', loss='categorical_crossentropy', metrics=['accuracy'])\n"
            "model.fit(table.values, answers)\n",
            at="'categorical_crossentropy'",
            severity="error",
            message="over one output says nothing",
            fixed="import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('visits.csv')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', loss='binary_crossentropy', metrics=['accuracy'])\n"
            "model.fit(table.values, answers)\n",
            why="The layer says how wide it is, whatever the data is.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for loss in computed_losses(program):
            yield from program.recall(self._of, loss)

    def _of(self, program: Program, loss: Operation) -> Iterator[Report]:
        labels, predictions = loss.attributes.get("labels"), loss.attributes.get("predictions")
        if not isinstance(predictions, Tensor) or not isinstance(labels, Tensor):
            return
        units = width(program, predictions, loss)
        if len(predictions.shape or (None, None)) < 2 or not program.variables(predictions):
            return
        if not isinstance(units, int) and not (units is None and predictions.activation == "softmax"):
            return
        if is_replaced(program, loss) or (units == 1 and 1 in program.defaults):
            return
        found = _single(loss, units) if units == 1 else _several(program, loss, labels, predictions, units)
        if found is None:
            return
        problem, severity, format_ = found
        head = activation_behind(program, predictions) or weights_before(program, predictions)
        yield self.report(
            loss.place, severity=severity, loss=named(loss), problem=problem,
            trace=_trace(program, loss, labels, head, format_),
            remedies=_remedies(program, loss, predictions, units, format_),
            subject=_subject(program, predictions, head),
        )  # fmt: skip


Found = tuple[str, str, "str | None"]
"""What is wrong, how bad it is, and the format of the labels that shows it."""


def _single(loss: Operation, units: int) -> Found | None:
    function = loss.attributes.get("function")
    if function == SOFTMAX and loss.attributes.get("form") in ("raw", "v1"):
        return "over one output is 0 whatever the network answers: nothing is learned", "error", None
    if function == SOFTMAX:
        # Keras finds the scores behind a sigmoid, and Keras 2 lets the samples of a batch compete.
        return "over one output says nothing of the answer: an output has to compete with others", "error", None
    if function == SPARSE:
        return "gets one output, so it has a single class: every label but 0 is out of its range", "error", None
    return None


def _several(program: Program, loss: Operation, labels: Tensor, predictions: Tensor, units: int | None) -> Found | None:
    function, activation = loss.attributes.get("function"), predictions.activation
    format_ = format_of(labels, predictions)
    of_keras = loss.attributes.get("form") not in ("raw", "v1")
    takes_scores = loss.attributes.get("expects") == "logits"
    if function == SIGMOID:
        if activation == "softmax" and of_keras and not takes_scores:
            if rebuilds(program, labels, predictions):
                return None
            if (
                units == 2
                and labels.shape is not None
                and labels.shape[-1:] == (2,)
                and not are_several(program, labels)
            ):
                return None  # two answers that add up to 1 are one answer, given twice
            is_sure = units is not None and units > 2 and (format_ == CLASS_IDS or are_exclusive(labels))
            shown = "" if units is None else f"{units} "
            text = f"takes the {shown}units of a softmax for {shown}separate yes-or-no questions"
            return text, "error" if is_sure else "warning", format_
        if units is None or (activation != "sigmoid" and not takes_scores):
            return None
        if of_keras and format_ == CLASS_IDS and len(predictions.shape or ()) == 2:
            text = f"gets {units} outputs for labels that hold one number for each sample"
            return text, "error", CLASS_IDS
        if units > 2 and format_ == ONE_HOT:
            chosen = not of_keras and is_chosen_from(program, predictions)
            if not (labels.encoding == ONE_HOT or (chosen and is_chosen_from(program, labels))):
                return None
            if not chosen and not loss.attributes.get("compiled"):
                return None
            text = f"asks {units} separate yes-or-no questions, for {units} classes that exclude each other"
            return text, "warning" if chosen else "info", ONE_HOT
        return None
    if function not in (SOFTMAX, SPARSE) or units is None:
        return None
    if activation == "sigmoid" and of_keras and not takes_scores:
        text = f"makes {units} sigmoids compete as in a softmax, but what the network answers does not add up to 1"
        return text, "warning", format_  # the best class, and so the accuracy, is that of a softmax
    width = labels.shape[-1] if labels.shape and len(labels.shape) == len(predictions.shape or ()) else None
    if function == SOFTMAX and labels.encoding == ONE_HOT and isinstance(width, int) and width not in (1, units):
        return f"gets {units} outputs for labels of {width} classes", "error", ONE_HOT
    if function == SOFTMAX and width in (units, None) and of_keras and are_several(program, labels):
        text = f"asks which one of {units} classes a sample has, but the labels may hold several at once or none"
        return text, "warning", SEVERAL
    return None


def _trace(
    program: Program, loss: Operation, labels: Tensor, head: Operation | None, format_: str | None
) -> list[Step]:
    trace = []
    if head is not None and head.place != loss.place:
        function = head.attributes.get("function")
        is_activation = head.kind == "activation"
        trace.append(Step(head.place, f"the {function} is here" if is_activation else "this is the last layer"))
    place = handed_over(program, labels) if format_ is not None else None
    if format_ is not None and place is not None:
        trace.append(Step(place, f"the labels are {described(format_)}"))
    return trace


def _subject(program: Program, predictions: Tensor, head: Operation | None) -> Id | None:
    """The softmax over the same scores if there is one, so that what is wrong with it is said once."""
    for user in program.consumers(predictions.op):
        if user.kind == "activation" and user.attributes.get("function") == "softmax":
            return user.id
    return None if head is None else head.id


def _remedies(
    program: Program, loss: Operation, predictions: Tensor, units: int | None, format_: str | None
) -> list[Remedy]:
    function, activation = loss.attributes.get("function"), predictions.activation
    remedies = []

    def swap(name: str, title: str, safety: str = "unsafe") -> None:
        action = other_loss(program, loss, name)
        if action is not None:
            remedies.append(Remedy(title, safety, (action,)))

    def activate(name: str) -> None:
        action = other_activation(program, predictions, name)
        if action is not None:
            remedies.append(Remedy(f"Give the last layer a {name}", "unsafe", (action,)))

    if units == 1:
        if activation == "sigmoid":
            swap("binary_crossentropy", "Use binary cross-entropy", "safe" if function == SOFTMAX else "unsafe")
    elif function == SIGMOID:
        if activation == "softmax" and format_ == CLASS_IDS:
            swap("sparse_categorical_crossentropy", "Use sparse categorical cross-entropy")
        elif activation == "softmax":
            swap("categorical_crossentropy", "Use categorical cross-entropy")
    elif format_ == SEVERAL:
        replaced = other_activation(program, predictions, "sigmoid") if activation == "softmax" else None
        loss_instead = other_loss(program, loss, "binary_crossentropy")
        if replaced is not None and loss_instead is not None:
            title = "Use a sigmoid for each class and binary cross-entropy"
            remedies.append(Remedy(title, "unsafe", (replaced, loss_instead)))
    elif activation == "sigmoid":
        activate("softmax")
        if function == SOFTMAX:
            swap("binary_crossentropy", "Use binary cross-entropy, if several labels may hold at once")
    return remedies
