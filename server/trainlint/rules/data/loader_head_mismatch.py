"""loader-head-mismatch: a loader of image folders gives other labels or images than the network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program.compiles import is_replaced
from trainlint.program.events import ModelCall
from trainlint.program.heads import PICKING, named
from trainlint.program.impossible import differ
from trainlint.program.values import Const, Tensor, Tuple
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Compile
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value

GIVES = {
    "categorical": "one-hot rows",
    "binary": "a single 0 or 1",
    "sparse": "class numbers",
    "int": "class numbers",
}
"""The labels of a sample by `class_mode` or `label_mode`."""


class LoaderHeadMismatch(Rule):
    """
    ## What it does
    Reports a loader of image folders whose `class_mode` or `label_mode` gives other labels than the last layer and the loss take.
    Images of another size, or with other channels, than the network's input are reported too.

    ## Why it is bad
    `flow_from_directory` gives one-hot rows unless it is told otherwise, and `image_dataset_from_directory` gives class numbers.
    A network with one sigmoid or a loss for the other format stops at the first batch, or broadcasts and learns nothing.

    ## Example
    ```python
    images = ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", target_size=(64, 64))
    model = keras.Sequential([keras.Input((64, 64, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss="binary_crossentropy")
    model.fit(images)
    ```

    ## Use instead
    ```python
    images = ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", target_size=(64, 64), class_mode="binary")
    model = keras.Sequential([keras.Input((64, 64, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss="binary_crossentropy")
    model.fit(images)
    ```

    ## Fix safety
    Safe for the labels: what the loader gives now cannot be what the loss takes.
    There is no fix for sizes: whether the loader or the network is meant cannot be told.

    ## Probe
    Takes one step of the installed Keras with the same head, loss and kind of labels: it runs or it does not.

    ## References
    - https://keras.io/api/data_loading/image/
    - https://www.tensorflow.org/api_docs/python/tf/keras/preprocessing/image/ImageDataGenerator
    """

    name, code, category, severity = "loader-head-mismatch", "TL611", "data", "error"
    rank = 45
    evidence = ("certificate",)
    message = "the loader gives {given}, but {taken}"

    VALID = [
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
                "\n"
                'images = ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", (64, 64), class_mode="binary")\n'
                "model = keras.Sequential(\n"
                '    [keras.Input((64, 64, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]\n'
                ")\n"
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(images)\n"
            ),
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                'images = tf.keras.utils.image_dataset_from_directory("photos", image_size=(64, 64))\n'
                "images = images.map(lambda x, y: (x / 255.0, tf.one_hot(y, 5)))\n"
                "model = tf.keras.Sequential(\n"
                '    [tf.keras.Input((64, 64, 3)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(5, "softmax")]\n'
                ")\n"
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "model.fit(images)\n"
            ),
            why="The class numbers become rows on the way.",
        ),
        Valid(
            (
                "import argparse\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--mode", required=True)\n'
                "mode = parser.parse_args().mode\n"
                'images = ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", (64, 64), class_mode=mode)\n'
                "model = keras.Sequential(\n"
                '    [keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]\n'
                ")\n"
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(images)\n"
            ),
            why="The mode comes from the command line.",
        ),
        Valid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    'images = keras.utils.image_dataset_from_directory("photos", image_size=(64, 64))\n'
                ),
                (
                    "model = keras.Sequential([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(5)])\n"
                    'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
                    "model.fit(images)\n"
                ),
            ),
        ),
    ]
    INVALID = [
        Invalid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
                "\n"
                'images = ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", target_size=(64, 64))\n'
                "model = keras.Sequential(\n"
                '    [keras.Input((64, 64, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]\n'
                ")\n"
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(images)\n"
            ),
            at='ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", target_size=(64, 64))',
            severity="error",
            message="the loader gives one-hot rows",
            traces=("the loss is here",),
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
                "\n"
                'images = ImageDataGenerator(rescale=1 / 255).flow_from_directory("photos", target_size=(64, 64), class_mode="binary")\n'
                "model = keras.Sequential(\n"
                '    [keras.Input((64, 64, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]\n'
                ")\n"
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(images)\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def load(folder):\n"
                '    return tf.keras.utils.image_dataset_from_directory(folder, image_size=(64, 64), label_mode="int")\n'
                "\n"
                "\n"
                "model = tf.keras.Sequential(\n"
                "    [\n"
                "        tf.keras.Input((64, 64, 3)),\n"
                "        tf.keras.layers.Rescaling(1 / 255),\n"
                "        tf.keras.layers.Flatten(),\n"
                '        tf.keras.layers.Dense(5, activation="softmax"),\n'
                "    ]\n"
                ")\n"
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "for epoch in range(10):\n"
                '    model.fit(load("photos"))\n'
            ),
            at='"int"',
            severity="error",
            message="the loader gives class numbers",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def load(folder):\n"
                '    return tf.keras.utils.image_dataset_from_directory(folder, image_size=(64, 64), label_mode="categorical")\n'
                "\n"
                "\n"
                "model = tf.keras.Sequential(\n"
                "    [\n"
                "        tf.keras.Input((64, 64, 3)),\n"
                "        tf.keras.layers.Rescaling(1 / 255),\n"
                "        tf.keras.layers.Flatten(),\n"
                '        tf.keras.layers.Dense(5, activation="softmax"),\n'
                "    ]\n"
                ")\n"
                'model.compile("adam", loss="categorical_crossentropy")\n'
                "for epoch in range(10):\n"
                '    model.fit(load("photos"))\n'
            ),
        ),
        Invalid(
            (
                "from keras import Input, Sequential, layers\n"
                "from keras.utils import image_dataset_from_directory\n"
                "\n"
                "\n"
                "class Config:\n"
                "    size = 128\n"
                "\n"
                "\n"
                'images = image_dataset_from_directory("photos", image_size=(Config.size, Config.size))\n'
                'model = Sequential([Input((64, 64, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(5, "softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(images)\n"
            ),
            at="(Config.size, Config.size)",
            severity="error",
            message="images [128, 128, 3]",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    "generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)\n"
                    'train = generator.flow_from_directory("train", target_size=(64, 64), class_mode="sparse", color_mode="grayscale")\n'
                    'test = generator.flow_from_directory("test", target_size=(64, 64), class_mode="categorical", color_mode="grayscale")\n'
                ),
                (
                    'model = keras.Sequential([keras.Input((64, 64, 1)), layers.Flatten(), layers.Dense(5, activation="softmax")])\n'
                    'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                    "model.fit(train, validation_data=test)\n"
                ),
            ),
            at='"categorical"',
            severity="error",
            cell=0,
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)\n"
                'train = generator.flow_from_directory("train", target_size=(64, 64), class_mode="sparse", color_mode="grayscale")\n'
                'test = generator.flow_from_directory("test", target_size=(64, 64), class_mode="sparse", color_mode="grayscale")\n'
                "\n"
                'model = keras.Sequential([keras.Input((64, 64, 1)), layers.Flatten(), layers.Dense(5, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(train, validation_data=test)\n"
            ),
            why="The loader of the validation data counts as well.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        compiled = None
        for event in program.events:
            if isinstance(event, ModelCall) and event.method in _FED:
                if compiled is None:
                    compiled = {found.model: found for found in program.compiled}
                for images, labels in _loaded(program, event):
                    yield from self._labels(program, compiled.get(event.model), labels)
                    yield from self._images(program, event, images)

    def _labels(self, program: Program, compiled: Compile | None, labels: Operation | None) -> Iterator[Report]:
        mode = None if labels is None else _mode(labels)
        losses = [] if compiled is None else [program.operation(key) for key in compiled.losses]
        if labels is None or mode is None or len(losses) != 1 or losses[0] is None or losses[0].kind != "loss":
            return
        loss, (name, value) = losses[0], mode
        predictions = loss.attributes.get("predictions")
        units = predictions.shape[-1] if isinstance(predictions, Tensor) and predictions.shape else None
        wanted = _wanted(str(loss.attributes.get("function")), units, name, value)
        if wanted is None or is_replaced(program, loss):
            return
        outputs = "one output" if units == 1 else f"{units} outputs" if isinstance(units, int) else "its outputs"
        argument = labels.arguments.get(name)
        place = labels.place if argument is None or argument.place is None else argument.place
        existing = None if argument is None else argument.place
        fix = SetArgument(labels.place, name, (f'"{wanted}"',), existing=existing)
        yield self.report(
            place, given=f"{GIVES[value]} (`{name}=\"{value}\"`{'' if existing is not None else ', its default'})",
            taken=f"{named(loss)} on {outputs} takes {GIVES[wanted]}",
            trace=(Step(loss.place, "the loss is here"),),
            remedies=(Remedy(f'Load with `{name}="{wanted}"`', "safe", (fix,)),), subject=loss.id,
        )  # fmt: skip

    def _images(self, program: Program, event: ModelCall, images: Operation | None) -> Iterator[Report]:
        if images is None or _mode(images) is None or images.output.shape is None:
            return
        for feed in event.feeds:
            entry = program.operation(feed.key)
            declared = None if entry is None else entry.attributes.get("declared")
            if entry is None or entry.kind != "input" or entry.attributes.get("labels") or declared is None:
                continue
            given = images.output.shape
            if not isinstance(declared, tuple) or len(declared) != 4 or len(given) != 4 or declared[1] in (1, 3):
                continue
            wrong = [i for i in (1, 2, 3) if differ(given[i], declared[i])]
            if not wrong:
                continue
            names = ("color_mode",) if wrong == [3] else ("target_size", "image_size")
            written = [images.arguments[name].place for name in names if name in images.arguments]
            place = next((found for found in written if found is not None), images.place)
            yield self.report(
                place, given=f"images {_shown(given)}", taken=f"the input of the network is {_shown(declared)}",
                trace=(Step(entry.place, "the network is made here"),), subject=images.id,
            )  # fmt: skip


_FED = ("fit", "fit_generator", "evaluate", "evaluate_generator")


def _loaded(program: Program, event: ModelCall) -> Iterator[tuple[Operation | None, Operation | None]]:
    """The images and labels of the loaders that a call is given, each as the operation that reads them."""
    for name in ("x", "generator", "validation_data"):
        argument = event.arguments.get(name)
        record = program.object(argument.value) if argument is not None else None
        element = record.fields.get("element") if record is not None else None
        if isinstance(element, Tuple) and len(element.items) >= 2:
            yield _source(program, element.items[0]), _source(program, element.items[1])


def _source(program: Program, value: Value) -> Operation | None:
    found = program.source(value, PICKING | {"stack", "divide", "multiply"})
    return found if found is not None and found.kind == "data" else None


def _mode(operation: Operation) -> tuple[str, str] | None:
    """The argument that says which labels a loader of folders gives, and its value."""
    if operation.name.startswith("keras.datasets."):
        return None  # `label_mode` of `cifar100.load_data` chooses between two sets of classes
    for name, default in (("class_mode", "categorical"), ("label_mode", "int")):
        argument = operation.arguments.get(name)
        if argument is not None:
            value = argument.value if argument.given else Const(default)
            known = value.value if isinstance(value, Const) else None
            return (name, known) if isinstance(known, str) and known in GIVES else None
    return None


def _wanted(function: str, units: object, name: str, mode: str) -> str | None:
    """The mode that fits the head and the loss, None where the one that is there may be right."""
    numbers = "sparse" if name == "class_mode" else "int"
    if function == "sparse-softmax-cross-entropy" and units != 1:
        return numbers if mode == "categorical" else None
    if not isinstance(units, int):
        return None
    if function == "softmax-cross-entropy" and units > 1:
        return "categorical" if mode != "categorical" else None
    if function == "sigmoid-cross-entropy":
        if units == 1:
            return "binary" if mode == "categorical" else None
        return "categorical" if mode != "categorical" else None
    return None


def _shown(shape: tuple[object, ...]) -> str:
    return "[" + ", ".join(str(dim) if isinstance(dim, int) else "?" for dim in shape[1:]) + "]"
