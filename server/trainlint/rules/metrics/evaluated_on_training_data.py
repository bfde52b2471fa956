"""evaluated-on-training-data: validation on samples that are trained on."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.program.events import ModelCall
from trainlint.program.program import Program
from trainlint.program.training import data_of, holds_out
from trainlint.program.values import (
    ApiObject,
    Const,
    InstanceRecord,
    Ref,
    SliceValue,
    Tensor,
    Tuple,
    Unknown,
    Value,
)
from trainlint.rules.base import Invalid, Report, Rule, Valid

PASSING = frozenset(("identity", "cast", "reshape", "expand", "squeeze", "stop-gradient"))

Rows = tuple[float, float]


class EvaluatedOnTrainingData(Rule):
    """
    ## What it does
    Reports validation data that is the training data, or a part of it.
    That `evaluate` only ever gets the training data, with nothing held out, is reported as an information.

    ## Why it is bad
    The number that shall tell whether the model has learned something or knows its samples by heart can't tell.
    Early stopping and the best checkpoint then follow the training loss, which always falls.

    ## Example
    ```python
    model.fit(x_train, y_train, validation_data=(x_train, y_train))
    ```

    ## Use instead
    ```python
    model.fit(x_train, y_train, validation_data=(x_test, y_test))
    ```

    ## Fix safety
    None: which samples shall be held out is for the author to say.

    ## Probe
    It follows from the program: the same rows are trained on and evaluated.

    ## References
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", ICSE 2020, arXiv:1910.11015
    - https://keras.io/api/models/model_training_apis/#fit-method
    """

    name, code, category, severity = "evaluated-on-training-data", "TL906", "metrics", "warning"
    rank = 48
    evidence = ("certificate",)
    message = "the validation data is {what}: the model is trained on it"

    VALID = [
        Valid(
            "import os\n"
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "root = ''\n"
            "gen = tf.keras.preprocessing.image.ImageDataGenerator()\n"
            "net = tf.keras.applications.VGG16(include_top=False)\n"
            "a = gen.flow_from_directory(os.path.join(root, 'train'), target_size=(150, 150), batch_size=32, class_mode=None, shuffle=False)\n"
            "fa = net.predict(a)\n"
            "b = gen.flow_from_directory(os.path.join(root, 'test'), target_size=(150, 150), batch_size=32, class_mode=None, shuffle=False)\n"
            "fb = net.predict(b)\n"
            "ya = np.array([0] * 1000 + [1] * 1000)\n"
            "yb = np.array([0] * 400 + [1] * 400)\n"
            "model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(64, activation='relu'),\n"
            "                             tf.keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])\n"
            "model.fit(fa, ya, epochs=5, validation_data=(fb, yb))\n",
            why="one model answers for two folders",
        ),
        Valid(
            "from tensorflow import keras\n"
            "(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)])\n"
            "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x[5000:], y[5000:], validation_data=(x[:5000], y[:5000]))\n"
            "model.evaluate(x_test, y_test)\n",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x, y = np.load('x.npy'), np.load('y.npy')\n"
            "x_train, x_test, x_val = np.split(x, [len(x) // 2, len(x) // 4 * 3])\n"
            "y_train, y_test, y_val = np.split(y, [len(y) // 2, len(y) // 4 * 3])\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation='relu'), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=(x_val, y_val))\n",
            why="the parts between indices have no rows in common",
        ),
        Valid(
            "from sklearn.model_selection import train_test_split\n"
            "import keras\n"
            "x_train, x_test, y_train, y_test = train_test_split(x, y)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=(x_test, y_test))\n"
            "print(model.evaluate(x_train, y_train), model.evaluate(x_test, y_test))\n",
            why="both are looked at",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=held_out)\n",
            why="where the data comes from cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def batches(split):\n"
            "    return tf.data.TFRecordDataset(split + '.tfrecord').batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(batches('train'), validation_data=batches('test'))\n",
        ),
        Valid(
            "import pandas as pd\n"
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('flats.csv')\n"
            "x_train, x_test, y_train, y_test = train_test_split(table.drop('rent', axis=1), table['rent'])\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=(x_test, y_test))\n",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x = np.random.rand(200, 8)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x[:100], x[:100, :1], validation_data=(x[:160], x[:160, :1]))\n",
            at="(x[:160], x[:160, :1])",
            severity="warning",
            message="is in part the training data",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()\n"
            "x = x / 255.0\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])\n"
            "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x, y, validation_data=(x, y))\n",
            at="(x, y)",
            occurrence=1,
            severity="warning",
            message="the training data",
            traces=("trained",),
        ),
        Invalid(
            "import numpy as np\n"
            "import keras\n"
            "class Config:\n"
            "    n_validation = 1000\n"
            "def load():\n"
            "    return np.random.normal(size=(9000, 8)), np.random.normal(size=(9000, 1))\n"
            "x, y = load()\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "held_out = x[:Config.n_validation], y[:Config.n_validation]\n"
            "for epoch in range(5):\n"
            "    model.fit(x, y, validation_data=held_out)\n",
            at="held_out",
            occurrence=1,
            message="a part of the training data",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "train = tf.data.TFRecordDataset('train.tfrecord').batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train, validation_data=train)\n",
            at="train",
            occurrence=3,
            message="the training data",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "x, y = np.random.normal(size=(900, 8)), np.random.normal(size=(900, 1))\n",
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
                "print('test loss', model.evaluate(x, y))\n",
            ),
            at="x",
            occurrence=2,
            cell=1,
            severity="info",
            message="nothing is held out",
        ),
        Invalid(
            "import pandas as pd\n"
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('flats.csv')\n"
            "x_train, x_test, y_train, y_test = train_test_split(table.drop('rent', axis=1), table['rent'])\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=(x_train, y_train))\n",
            at="(x_train, y_train)",
            message="the training data",
            why="What the table holds is not known, but it is the same rows.",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        calls = list(program.model_calls)
        trainings = [call for call in calls if call.method in ("fit", "fit_generator")]
        for call in trainings:
            argument, given = data_of(call), call.arguments.get("validation_data")
            if argument is None or argument.place is None or given is None or given.place is None:
                continue
            validation = program.items(given.value)[:1] if isinstance(given.value, Tuple) else (given.value,)
            what = _overlap(program, argument.value, validation[0]) if validation else None
            if what is not None:
                trace = [Step(argument.place, "it is trained on here")]
                yield self.report(given.place, what=what, trace=trace, subject=call.model)
        yield from self._only(program, calls, trainings)

    def _only(self, program: Program, calls: list[ModelCall], trainings: list[ModelCall]) -> Iterator[Report]:
        """`evaluate` on what was trained on, where nothing else is ever looked at."""
        if not trainings or any(holds_out(call) for call in trainings):
            return
        others = [call for call in calls if call not in trainings]
        if not others or any(call.method != "evaluate" for call in others):
            return
        for call in others:
            argument = data_of(call)
            if argument is None or argument.place is None:
                return
            if not any(
                trained is not None and _overlap(program, trained.value, argument.value)
                for trained in map(data_of, trainings)
            ):
                return
        argument = data_of(others[0])
        if argument is not None and argument.place is not None:
            text = "the model is evaluated on what it was trained on, and nothing is held out"
            trace = [Step(trainings[0].place, "it is trained here")]
            yield self.report(argument.place, severity="info", message=text, trace=trace, subject=others[0].model)


def _overlap(program: Program, trained: Value, validation: Value) -> str | None:
    """How validation data is known to be in the training data: words for it, None when it is not known to be."""
    if isinstance(trained, Ref) and isinstance(validation, Ref):
        record = program.record(trained)
        is_data = isinstance(record, InstanceRecord) or (isinstance(record, ApiObject) and record.kind == "dataset")
        if trained.id is validation.id and is_data:
            return "the training data itself"
        return None
    if isinstance(trained, Unknown) and isinstance(validation, Unknown):
        is_same = trained.origin is not None and trained.origin == validation.origin
        return "the training data itself" if is_same else None
    if not isinstance(trained, Tensor) or not isinstance(validation, Tensor):
        return None
    first, second = _rows(program, trained), _rows(program, validation)
    if first is None or second is None or first[0] is not second[0]:
        return None
    (low, high), (start, stop) = first[1], second[1]
    if max(low, start) >= min(high, stop):
        return None
    if low <= start and stop <= high:
        return "a part of the training data" if (low, high) != (start, stop) else "the training data itself"
    # What is left of it beside that is new: how much, nobody knows.
    return "in part the training data"


def _rows(program: Program, value: Tensor) -> tuple[object, Rows] | None:
    """The array that a tensor is taken from, and which of its rows; None when that is not known."""
    rows: Rows = (0.0, float("inf"))
    operation = program.operation(value)
    for _ in range(16):
        if operation is None:
            return None
        if operation.kind == "slice" and "index" in operation.attributes and rows == (0.0, float("inf")):
            found = _interval(operation.attributes["index"])
            if found is None:
                return operation.id, rows
            rows = found
        elif operation.kind not in PASSING or not operation.inputs:
            return operation.id, rows
        # What a model answers has the rows of what it is asked.
        asked = "model" in operation.attributes
        if asked and len(operation.inputs) < 2:
            return operation.id, rows
        inner = program.operation(operation.inputs[1 if asked else 0])
        if inner is None:
            return operation.id, rows
        operation = inner
    return None


def _interval(index: Value | None) -> Rows | None:
    """The rows that an index takes, counted from the start."""
    if isinstance(index, Tuple) and index.items:
        index = index.items[0]
    if not isinstance(index, SliceValue) or index.step != Const(None):
        return None
    bounds = []
    for part, default in ((index.lower, 0.0), (index.upper, float("inf"))):
        if part == Const(None):
            bounds.append(default)
        elif isinstance(part, Const) and isinstance(part.value, int) and part.value >= 0:
            bounds.append(float(part.value))
        else:
            return None
    return bounds[0], bounds[1]
