"""shuffled-prediction-order: predictions in one order are compared with labels in another."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program import pipelines
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.training import data_of
from trainlint.program.values import ApiObject, Id, Ref, Tensor, Tuple, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

COMPARING = frozenset(("compare", "metric", "loss", "subtract", "squared-difference"))
SCORES = ("sklearn.metrics.", "tf.math.confusion_matrix", "tf.confusion_matrix")
"""Functions that pair predictions with labels, one by one."""


class ShuffledPredictionOrder(Rule):
    """
    ## What it does
    Reports predictions for a generator or dataset that shuffles, which are compared with labels in another order.
    The labels are those of the files (`generator.classes`), of the arrays before shuffling, or of a second pass over the dataset.

    ## Why it is bad
    Each prediction is compared with the label of another sample.
    The confusion matrix looks like chance although the accuracy of `evaluate` is good.
    `flow_from_directory`, `flow` and `image_dataset_from_directory` shuffle unless they are told not to.

    ## Example
    ```python
    test = generator.flow_from_directory("test", target_size=(64, 64))
    answers = model.predict(test).argmax(axis=1)
    print(confusion_matrix(test.classes, answers))
    ```

    ## Use instead
    ```python
    test = generator.flow_from_directory("test", target_size=(64, 64), shuffle=False)
    answers = model.predict(test).argmax(axis=1)
    print(confusion_matrix(test.classes, answers))
    ```

    ## Fix safety
    Safe if nothing is trained on that data, where the order matters; else there is no fix.

    ## Probe
    Asks the installed loader or dataset for its rows and looks whether they come in their own order.

    ## References
    - keras-team/keras#4225, tensorflow/tensorflow#50124
    - https://keras.io/api/data_loading/image/
    """

    name, code, category, severity = "shuffled-prediction-order", "TL905", "metrics", "error"
    rank = 80
    evidence = ("certificate",)
    message = "the predictions come in {order}, the labels {labels}: they do not belong together"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from sklearn.metrics import confusion_matrix\n"
            "from tensorflow import keras\n"
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "test = ImageDataGenerator(rescale=1 / 255).flow_from_directory('test', target_size=(64, 64), shuffle=False)\n"
            "model = keras.models.load_model('model.keras')\n"
            "other = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])\n"
            "print(confusion_matrix(test.classes, np.argmax(other.predict(test), axis=1)))\n",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "test = tf.keras.utils.image_dataset_from_directory('test', image_size=(64, 64))\n"
            "model = tf.keras.Sequential([tf.keras.Input((64, 64, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(5)])\n"
            "hits = []\n"
            "for images, labels in test:\n"
            "    hits.append(np.argmax(model.predict(images), axis=1) == labels)\n",
            why="one pass gives both",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(5)])\n"
            "print(np.mean(np.argmax(model.predict(test), axis=1) == y_test))\n",
            why="nothing is shuffled",
        ),
        Valid(
            "import numpy as np\n"
            "def score(model, test):\n"
            "    return np.mean(np.argmax(model.predict(test), axis=1) == test.classes)\n",
            why="where the data comes from cannot be known",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "from sklearn.metrics import confusion_matrix\n"
            "from tensorflow import keras\n"
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "test = ImageDataGenerator(rescale=1 / 255).flow_from_directory('test', target_size=(64, 64))\n"
            "model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])\n"
            "print(confusion_matrix(test.classes, np.argmax(model.predict(test), axis=1)))\n",
            at="confusion_matrix(test.classes, np.argmax(model.predict(test), axis=1))",
            severity="error",
            message="in the order of the files",
            traces=("shuffles",),
            fixed=(
                "import numpy as np\n"
                "from sklearn.metrics import confusion_matrix\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
                "test = ImageDataGenerator(rescale=1 / 255).flow_from_directory('test', target_size=(64, 64), shuffle=False)\n"
                "model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])\n"
                "print(confusion_matrix(test.classes, np.argmax(model.predict(test), axis=1)))\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "class Config:\n"
            "    folder, size = 'test', (64, 64)\n"
            "def load(config):\n"
            "    return tf.keras.utils.image_dataset_from_directory(config.folder, image_size=config.size)\n"
            "test = load(Config)\n"
            "model = tf.keras.Sequential([tf.keras.Input((64, 64, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(5)])\n"
            "labels = np.concatenate([y for x, y in test])\n"
            "answers = np.argmax(model.predict(test), axis=1)\n"
            "print(np.mean(answers == labels))\n",
            at="answers == labels",
            message="another pass",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "class Config:\n"
                "    folder, size = 'test', (64, 64)\n"
                "def load(config):\n"
                "    return tf.keras.utils.image_dataset_from_directory(config.folder, image_size=config.size, shuffle=False)\n"
                "test = load(Config)\n"
                "model = tf.keras.Sequential([tf.keras.Input((64, 64, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(5)])\n"
                "labels = np.concatenate([y for x, y in test])\n"
                "answers = np.argmax(model.predict(test), axis=1)\n"
                "print(np.mean(answers == labels))\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "(x, y), (x_test, y_test) = tf.keras.datasets.mnist.load_data()\n"
                "test = tf.data.Dataset.from_tensor_slices((x_test / 255.0, y_test)).shuffle(1000).batch(100)\n"
                "model = tf.keras.Sequential([tf.keras.Input((28, 28)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(10)])\n",
                "answers = np.argmax(model.predict(test), axis=1)\n"
                "print(np.mean(answers == y_test))\n",
            ),
            at="answers == y_test",
            cell=1,
            message="as they were before",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        mixed = list(_mixed(program))
        if not mixed:
            return
        for operation in program.operations:
            named = operation.kind == "opaque" and operation.name.startswith(SCORES)
            if (operation.kind not in COMPARING and not named) or len(operation.inputs) < 2:
                continue
            for predicted, data, (state, cause) in mixed:
                labels = _labels(program, operation, predicted, data, state)
                if labels is None:
                    continue
                order = "another order each time" if state == pipelines.RESHUFFLED else "a shuffled order"
                trace = [Step(cause.place, "this shuffles"), Step(predicted.place, "the predictions are made here")]
                yield self.report(
                    operation.place, order=order, labels=labels, trace=trace,
                    remedies=_remedies(program, data, cause), subject=operation.id,
                )  # fmt: skip
                break


def _mixed(program: Program) -> Iterator[tuple[Operation, Ref, tuple[str, ApiObject]]]:
    """The predictions for data that is shuffled, with that data, its order and what shuffles it."""
    for operation in program.of_kind("identity"):
        data = operation.attributes.get("data")
        if not isinstance(data, Ref):
            continue
        state, cause = pipelines.order(program, data)
        if cause is not None and state in (pipelines.RESHUFFLED, pipelines.ONCE):
            yield operation, data, (state, cause)


def _labels(program: Program, operation: Operation, predicted: Operation, data: Ref, state: str) -> str | None:
    """Which labels an operation pairs with predictions, if their order is another one."""
    others = [v for v in operation.inputs if isinstance(v, Tensor) and predicted.id not in program.ancestors(v)]
    if len(others) == len(operation.inputs) or not others:
        return None
    record = program.object(data)
    element = record.fields.get("element") if record is not None else None
    given = set(_operations(element))
    sources = {key for tensor in given for key in program.ancestors(tensor)} - given
    for value in others:
        if value.shape == ():
            continue
        behind = program.ancestors(value)
        for key in behind:
            found = program.operation(key)
            files = found.attributes.get("files_of") if found is not None else None
            if isinstance(files, Ref) and files.id is data.id:
                return "in the order of the files"
        if given & behind:
            return "in that of another pass" if state == pipelines.RESHUFFLED else None
        if _data(program, sources) & behind:
            return "as they were before"
    return None


def _operations(element: Value | None) -> Iterator[Id]:
    """The operations of the labels of one element."""
    items = element.items[1:] if isinstance(element, Tuple) else ()
    for item in items:
        if isinstance(item, Tensor) and item.op is not None:
            yield item.op


def _data(program: Program, keys: set[Id]) -> set[Id]:
    """Those operations whose values have rows, not numbers."""
    found = set()
    for key in keys:
        operation = program.operation(key)
        if operation is not None and operation.kind != "constant" and operation.output.shape != ():
            found.add(key)
    return found


def _remedies(program: Program, data: Ref, cause: ApiObject) -> list[Remedy]:
    """No shuffling where the data is made, unless something is trained on it."""
    if pipelines.step_of(cause):
        return []
    made = {key for key, _ in pipelines.chain(program, data)}
    for call in program.model_calls:
        argument = data_of(call)
        if call.training and argument is not None:
            if any(key in made for key, _ in pipelines.chain(program, argument.value)):
                return []
    existing = cause.arguments.get("shuffle")
    place = existing.place if existing is not None else None
    return [Remedy("Set `shuffle=False`", "safe", (SetArgument(cause.place, "shuffle", ("False",), existing=place),))]
