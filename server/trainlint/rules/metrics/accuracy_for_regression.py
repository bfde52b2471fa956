"""accuracy-for-regression: the share of predictions that equal a real number exactly."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue
from trainlint.program.heads import feed_of
from trainlint.program.metrics import Measured, function_of, measured, units
from trainlint.program.program import Program
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

REGRESSION = {
    "squared-error": "squared error", "absolute-error": "absolute error", "huber": "Huber loss", "log-cosh": "log-cosh",
    "percentage-error": "percentage error", "squared-log-error": "squared logarithmic error",
}  # fmt: skip


class AccuracyForRegression(Rule):
    """
    ## What it does
    Reports accuracy as the metric of a model with a linear (or ReLU) output that is trained on an error such as the mean squared one.

    ## Why it is bad
    Accuracy is the share of samples whose class is right: Keras asks whether an answer is above 0.5 and compares that, 0 or 1, with the target.
    A target that is a real number is neither, so the metric shows about 0 however good the model is; nothing can be read from it.
    Of targets from a file it is an information: they may be 0 and 1.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["accuracy"])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    ```

    ## Fix safety
    Unsafe: the weights stay the same, but code that asks the history for the accuracy does not find it any more.

    ## Probe
    Asks the installed Keras for the accuracy of answers that are all off by 0.001.

    ## References
    - https://keras.io/api/metrics/regression_metrics/
    """

    name, code, category, severity = "accuracy-for-regression", "TL902", "metrics", "warning"
    rank = 40
    evidence = ("certificate",)
    message = (
        "accuracy is for classes; with {error} and a {activation} output, whose targets are real numbers, it is about 0"
    )

    VALID = [
        Valid(
            "import pandas as pd\n"
            "from keras.models import Sequential\n"
            "from keras.layers import Dense\n"
            "table = pd.read_csv('sonar.csv')\n"
            "y = (table['kind'] == 'M').astype('float32')\n"
            "x = table.drop(['kind'], axis=1).values\n"
            "net = Sequential()\n"
            "net.add(Dense(16, activation='relu', input_dim=60))\n"
            "net.add(Dense(1))\n"
            "net.compile(loss='mse', optimizer='adam', metrics=['accuracy'])\n"
            "net.fit(x, y, epochs=50)\n",
            why="a comparison gives 0 and 1, which the accuracy counts",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])\n"
            'model.compile("adam", "mse", metrics=["mae"])\n'
            "model.fit(x, y)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            'model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", "mse", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            why="a sigmoid may well stand for two classes",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])\n"
            'model.compile("adam", "mse", metrics=["accuracy"])\n'
            "model.fit(x, np.random.randint(0, 2, size=100))\n",
            why="two classes, of which another rule speaks",
        ),
        Valid(
            "from tensorflow import keras\n"
            "def compiled(model):\n"
            '    model.compile("adam", "mse", metrics=["accuracy"])\n'
            "    return model\n",
            why="the output of the model cannot be known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(4)])\n"
            'model.compile("adam", "mse", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            why="four outputs and unknown targets: the largest one may be the class",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])\n"
            'model.compile("adam", "mse", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            at='["accuracy"]',
            severity="warning",
            message="squared error",
            fixed=(
                "from tensorflow import keras\n"
                "model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])\n"
                'model.compile("adam", "mse", metrics=["mae"])\n'
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import keras\n"
            "class Config:\n"
            "    loss = keras.losses.Huber\n"
            "    metrics = ['acc', 'mae']\n"
            "def make_model(sizes):\n"
            "    model = keras.Sequential([keras.Input((13,))])\n"
            "    for units in sizes:\n"
            "        model.add(keras.layers.Dense(units, activation='relu'))\n"
            "    return model\n"
            "model = make_model([32, 1])\n"
            "model.compile('adam', Config.loss(), metrics=Config.metrics)\n"
            "model.fit(x, y)\n",
            at="Config.metrics",
            message="relu output",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "x = np.random.normal(size=(200, 3))\n"
                "y = 2.0 * x[:, :2] + 1.0\n",
                "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])\n"
                "model.compile('sgd', loss=tf.keras.losses.MeanAbsoluteError(), metrics=[tf.keras.metrics.Accuracy()])\n"
                "model.fit(x, y)\n",
            ),
            at="tf.keras.metrics.Accuracy()",
            cell=1,
            message="absolute error",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "x = np.random.normal(size=(200, 3))\n"
                "y = 2.0 * x[:, :2] + 1.0\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])\n"
                "model.compile('sgd', loss=tf.keras.losses.MeanAbsoluteError(), metrics=['mae'])\n"
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('visits.csv')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1)])\n"
            "model.compile('adam', loss='mse', metrics=['accuracy'])\n"
            "model.fit(table.values, answers)\n",
            at="['accuracy']",
            severity="info",
            fixed="import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_csv('visits.csv')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1)])\n"
            "model.compile('adam', loss='mse', metrics=['mae'])\n"
            "model.fit(table.values, answers)\n",
            why="The layer says how wide it is, whatever the data is.",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for use in measured(program):
            error = REGRESSION.get(function_of(use))
            activation = use.predictions.activation if use.predictions is not None else None
            if use.metric not in ("accuracy", "Accuracy") or error is None:
                continue
            if activation not in ("linear", "relu") and not (activation in ("sigmoid", "tanh") and _beyond(use.labels)):
                continue
            if not _continuous(use.labels) and not (units(use) == 1 and _open(use.labels)):
                continue
            trace = [Step(use.loss.place, f"the {error} is here")] if use.loss is not None else []
            feed = feed_of(program, use.labels) if use.labels is not None else None
            if feed is not None:
                trace.append(Step(feed.place, "the targets are given here"))
            yield self.report(
                use.place, error=error, activation=activation, trace=trace, remedies=_remedies(use),
                severity="info" if _may_be_classes(use.labels) else "warning", subject=use.subject,
            )  # fmt: skip


def _continuous(labels: Tensor | None) -> bool:
    """Whether targets are proved to be real numbers."""
    if labels is None or labels.values is not None or labels.encoding is not None:
        return False
    return labels.dtype in ("float", "float32", "float64") and labels.low is not None


def _beyond(labels: Tensor | None) -> bool:
    """Whether targets are proved to be real numbers, and not between 0 and 1 as chances and pixels are."""
    return labels is not None and _continuous(labels) and not (labels.low == 0 and labels.high == 1)


def _may_be_classes(labels: Tensor | None) -> bool:
    """Whether targets come from a file that may hold 0 and 1."""
    return isinstance(labels, Tensor) and labels.shape is not None and not _continuous(labels)


def _open(labels: Tensor | None) -> bool:
    """Whether nothing speaks for classes."""
    if labels is None:
        return True
    return labels.values is None and labels.encoding is None and "int" not in (labels.dtype or "")


def _remedies(use: Measured) -> list[Remedy]:
    if use.form == "string" and use.written is not None:
        return [Remedy("Measure the mean absolute error", "unsafe", (ReplaceValue(use.written, ('["mae"]',)),))]
    if use.form == "object" and not any(argument.given for argument in use.arguments.values()):
        return [Remedy("Measure the mean absolute error", "unsafe", (ReplaceValue(use.place, ('"mae"',)),))]
    return []
