"""backbone-preprocessing-mismatch: images in another range than a pretrained network was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.events import TrainableSet
from trainlint.program.heads import feed_of, trained
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import ApiObject, Const, Id, Ref, Tensor
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.source.code import Place

WANTED = (
    ("EfficientNet", "none"), ("MobileNetV3", "none"), ("ConvNeXt", "none"), ("DenseNet", "torch"), ("VGG", "caffe"),
    ("MobileNet", "tf"), ("Inception", "tf"), ("Xception", "tf"), ("NASNet", "tf"),
)  # fmt: skip
"""How networks want their images: keras/src/applications, `preprocess_input` of their modules."""
MODES = {
    "vgg16": "caffe", "vgg19": "caffe", "resnet": "caffe", "resnet50": "caffe", "densenet": "torch",
    "efficientnet": "none", "efficientnet_v2": "none", "mobilenet_v3": "none", "convnext": "none",
}  # fmt: skip
"""What `preprocess_input` of a module makes; "tf" for the others."""
WORDS = {
    "none": "pixels from 0 to 255",
    "tf": "pixels scaled to -1 to 1",
    "caffe": "pixels from 0 to 255 less the channel means, blue first",
    "torch": "pixels standardised by the statistics of ImageNet",
}


class BackbonePreprocessingMismatch(Rule):
    """
    ## What it does
    Reports images that reach a network of `keras.applications` with ImageNet weights in another range than it was trained on.
    That are pixels between 0 and 1 in a network that scales by itself, the `preprocess_input` of another family, and `preprocess_input` after scaling.
    Where all of the network is trained for more than twenty epochs, it gets used to them: that is an information.

    ## Why it is bad
    The pretrained filters see images that are almost black, or in other colours, and their features say little.
    EfficientNet, MobileNetV3 and ConvNeXt divide by 255 themselves: with `rescale=1/255` in front of them nothing is learned.

    ## Example
    ```python
    generator = ImageDataGenerator(rescale=1 / 255)
    base = EfficientNetB0(include_top=False)
    ```

    ## Use instead
    ```python
    generator = ImageDataGenerator()
    base = EfficientNetB0(include_top=False)
    ```

    ## Fix safety
    None: the range may be changed where the data is read or inside of the model, for training and for use alike.

    ## Probe
    Asks the installed Keras which range its `preprocess_input` makes for this network, and compares it with what comes in.

    ## References
    - https://keras.io/api/applications/
    - tensorflow/tensorflow#48412, tensorflow/tensorflow#42506, keras-team/keras#14950, keras-team/keras-io#1549
    """

    name, code, category, severity = "backbone-preprocessing-mismatch", "TL606", "data", "error"
    rank = 80
    evidence = ("certificate",)
    message = "{network} was trained on {wanted}, and gets {found}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.applications import EfficientNetB0\n"
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "batches = ImageDataGenerator(horizontal_flip=True).flow_from_directory('images', target_size=(224, 224))\n"
            "base = EfficientNetB0(include_top=False, pooling='avg', input_shape=(224, 224, 3))\n"
            "model = keras.Sequential([base, keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(batches)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.applications import resnet50\n"
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "generator = ImageDataGenerator(preprocessing_function=resnet50.preprocess_input)\n"
            "base = resnet50.ResNet50(include_top=False, pooling='avg', input_shape=(224, 224, 3))\n"
            "model = keras.Sequential([base, keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(generator.flow_from_directory('images', target_size=(224, 224)))\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "images = keras.utils.image_dataset_from_directory('images', image_size=(160, 160))\n"
            "inputs = keras.Input((160, 160, 3))\n"
            "scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)\n"
            "base = keras.applications.MobileNetV2(include_top=False, pooling='avg', input_shape=(160, 160, 3))\n"
            "model = keras.Model(inputs, keras.layers.Dense(5)(base(scaled, training=False)))\n"
            "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(images)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "batches = ImageDataGenerator(rescale=1 / 255).flow_from_directory('images', target_size=(224, 224))\n"
            "base = keras.applications.EfficientNetB0(include_top=False, weights=None, pooling='avg', input_shape=(224, 224, 3))\n"
            "model = keras.Sequential([base, keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(batches)\n",
            why="nothing is pretrained",
        ),
        Valid(
            "from tensorflow import keras\n"
            "base = keras.applications.ResNet50(include_top=False, pooling='avg', input_shape=(224, 224, 3))\n"
            "model = keras.Sequential([base, keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(images, labels)\n",
            why="the range of the images cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "images = tf.keras.utils.image_dataset_from_directory('images', image_size=(160, 160))\n"
            "base = tf.keras.applications.MobileNetV2(include_top=False, input_shape=(160, 160, 3))\n"
            "batch, labels = next(iter(images))\n"
            "print(base(batch).shape)\n"
            "inputs = tf.keras.Input((160, 160, 3))\n"
            "x = base(tf.keras.applications.mobilenet_v2.preprocess_input(inputs), training=False)\n"
            "x = tf.keras.layers.GlobalAveragePooling2D()(x)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(5)(x))\n"
            "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(images)\n",
            why="the first call only shows the shape of the features",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.applications import EfficientNetB0\n"
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "batches = ImageDataGenerator(rescale=1 / 255).flow_from_directory('images', target_size=(224, 224))\n"
            "base = EfficientNetB0(include_top=False, pooling='avg', input_shape=(224, 224, 3))\n"
            "model = keras.Sequential([base, keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(batches)\n",
            at="EfficientNetB0(include_top=False, pooling='avg', input_shape=(224, 224, 3))",
            severity="error",
            message="between 0 and 1",
            traces=("come from",),
        ),
        Invalid(
            "from keras.applications import ResNet50\n"
            "from keras.applications.mobilenet_v2 import preprocess_input\n"
            "from keras import Sequential, layers\n"
            "from keras.preprocessing.image import ImageDataGenerator\n"
            "class Config:\n"
            "    size = (224, 224)\n"
            "def batches(folder):\n"
            "    generator = ImageDataGenerator(preprocessing_function=preprocess_input)\n"
            "    return generator.flow_from_directory(folder, target_size=Config.size)\n"
            "base = ResNet50(include_top=False, pooling='avg', input_shape=(*Config.size, 3))\n"
            "model = Sequential([base, layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(batches('train'))\n",
            at="ResNet50(include_top=False, pooling='avg', input_shape=(*Config.size, 3))",
            severity="error",
            message="`mobilenet_v2.preprocess_input`",
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "from tensorflow.keras.applications import mobilenet_v2\n"
                "(x, y), _ = keras.datasets.cifar10.load_data()\n"
                "x = mobilenet_v2.preprocess_input(x / 255.0)\n",
                "base = mobilenet_v2.MobileNetV2(include_top=False, pooling='avg', input_shape=(32, 32, 3))\n"
                "model = keras.Sequential([base, keras.layers.Dense(10)])\n"
                "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
                "model.fit(x, y)\n",
            ),
            at="mobilenet_v2.preprocess_input(x / 255.0)",
            cell=0,
            message="scaled twice",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "images = tf.keras.utils.image_dataset_from_directory('images', image_size=(160, 160))\n"
            "base = tf.keras.applications.MobileNetV2(include_top=False, pooling='avg', input_shape=(160, 160, 3))\n"
            "model = tf.keras.Sequential([base, tf.keras.layers.Dense(5)])\n"
            "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(images)\n",
            at="tf.keras.applications.MobileNetV2(include_top=False, pooling='avg', input_shape=(160, 160, 3))",
            severity="warning",
            message="between 0 and 255",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "images = tf.keras.utils.image_dataset_from_directory('images', image_size=(160, 160))\n"
            "base = tf.keras.applications.MobileNetV2(include_top=False, pooling='avg', input_shape=(160, 160, 3))\n"
            "model = tf.keras.Sequential([base, tf.keras.layers.Dense(5)])\n"
            "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(images, epochs=100)\n",
            at="tf.keras.applications.MobileNetV2(include_top=False, pooling='avg', input_shape=(160, 160, 3))",
            severity="info",
            message="between 0 and 255",
            why="all of it is trained for a hundred epochs",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for key, record in program.objects:
            if record.kind != "model" or not record.name.startswith("keras.applications."):
                continue
            network = record.name.rsplit(".", 1)[-1]
            wanted = _wanted(network, record)
            if wanted is None:
                continue
            for images in _inputs(program, key, record):
                found = _judge(program, images, wanted)
                if found is None:
                    continue
                severity, words, place, is_wrong = found
                if _adapts(program):
                    severity = "info"
                steps = [] if place is None else [Step(place, "the images come from here")]
                if is_wrong and place is not None:
                    steps = [Step(record.place, "the network is made here")]
                yield self.report(
                    place if is_wrong and place is not None else record.place, severity=severity, network=network, wanted=WORDS[wanted], found=words, trace=steps,
                    subject=key,
                )  # fmt: skip
                break


def _wanted(network: str, record: ApiObject) -> str | None:
    """The mode that a network wants; None where its weights are not those of ImageNet, or that is not known."""
    weights, inner = record.arguments.get("weights"), record.arguments.get("include_preprocessing")
    if weights is None or weights.value != Const("imagenet"):
        return None
    if inner is not None and inner.value != Const(True):
        return None
    if network.startswith("ResNet"):
        return "tf" if network.endswith("V2") else "caffe"
    return next((mode for prefix, mode in WANTED if network.startswith(prefix)), None)


def _inputs(program: Program, key: Id, record: ApiObject) -> Iterator[Tensor]:
    """What goes into a network: what its own input is fed, and what it is called with.

    Where something learns from some of its calls, the others only show what it makes, such as the shape of its result.
    """
    own = program.tensor(record.fields.get("inputs"))
    if own is not None:
        yield own
    calls = [operation for operation in program.of_kind("identity") if _calls(operation, key)]
    behind = trained(program) if len(calls) > 1 else frozenset()
    for operation in [call for call in calls if call.id in behind] or calls:
        found = program.tensor(operation.inputs[1])
        if found is not None:
            yield found


LONG = 20
"""Epochs after which a network that is trained as a whole has got used to other images."""


def _adapts(program: Program) -> bool:
    """Whether all of the network is trained for long: nothing is frozen, as far as the program says."""
    epochs = (call.arguments.get("epochs") for call in program.model_calls if call.training)
    is_long = any(e is not None and (constant(e.value) or 0) > LONG for e in epochs)
    frozen = any(event.value is not True for event in program.events_of(TrainableSet))
    given = (record.arguments.get("trainable") for _, record in program.objects if record.kind in ("layer", "model"))
    return is_long and not frozen and not any(each is not None and each.given for each in given)


def _calls(operation: Operation, key: Id) -> bool:
    model = operation.attributes.get("model")
    return isinstance(model, Ref) and model.id is key and operation.name == "model" and len(operation.inputs) > 1


def _judge(program: Program, images: Tensor, wanted: str) -> tuple[str, str, Place | None, bool] | None:
    """What is wrong with images: the severity, words for what they are, where they come from, and if that is wrong."""
    feed = feed_of(program, images)
    source = feed.value if feed is not None and isinstance(feed.value, Tensor) else None
    prepared = _prepared(program, images) or (_prepared(program, source) if source is not None else None)
    place = feed.place if feed is not None else None
    if prepared is not None:
        module = str(prepared.attributes["preprocessed"])
        mode = MODES.get(module, "tf")
        is_call = prepared.kind == "normalization"
        if mode != wanted:
            return "error", f"what `{module}.preprocess_input` makes: {WORDS[mode]}", prepared.place, is_call
        if prepared.attributes.get("scaled"):
            if wanted == "none":
                return (
                    "error",
                    "pixels that are scaled before `preprocess_input`, which changes nothing here",
                    prepared.place,
                    is_call,
                )
            return (
                "error",
                "images that are scaled twice: they were small before `preprocess_input`",
                prepared.place,
                is_call,
            )
        return None
    low, high = images.low, images.high
    if low is None or high is None:
        return None
    is_hard = "error" if wanted == "none" else "warning"
    if 0 <= low and 0.5 < high <= 1:
        return is_hard, "pixels between 0 and 1", place, False
    if -1 <= low < 0 < high <= 1:
        return None if wanted == "tf" else (is_hard, "pixels between -1 and 1", place, False)
    if low == 0 and 200 < high <= 255 and wanted != "none":
        return "warning", "pixels between 0 and 255 as they are", place, False
    return None


def _prepared(program: Program, images: Tensor) -> Operation | None:
    """The `preprocess_input` that images went through."""
    for key in program.ancestors(images):
        operation = program.operation(key)
        if operation is not None and "preprocessed" in operation.attributes:
            return operation
    return None
