"""Data sets that everybody knows, and the pipelines of tf.data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arithmetic, arrays, builtins, calls
from trainlint.interpret.api.call import ApiCall, Arguments, dtype_name
from trainlint.interpret.api.common import is_scaled, operand
from trainlint.interpret.api.layer_arguments import image_shape, layout_of
from trainlint.interpret.api.registry import attribute, handles, method
from trainlint.program.dims import Dim, Shape, Symbol
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Const,
    DictRecord,
    Function,
    ListRecord,
    Parts,
    Ref,
    Tensor,
    Tuple,
    Unknown,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine


class Known:
    """Shape, range and labels of one data set (rules.md, section 8 D13)."""

    def __init__(
        self,
        train: int,
        test: int,
        shape: tuple[Dim, ...],
        high: float,
        classes: int | None,
        labels: tuple[Dim, ...] = (),
    ) -> None:
        self.train, self.test, self.shape, self.high, self.classes, self.labels = (
            train,
            test,
            shape,
            high,
            classes,
            labels,
        )


IMAGES = {
    "mnist": Known(60000, 10000, (28, 28), 255, 10),
    "fashion_mnist": Known(60000, 10000, (28, 28), 255, 10),
    "cifar10": Known(50000, 10000, (32, 32, 3), 255, 10, (1,)),
    "cifar100": Known(50000, 10000, (32, 32, 3), 255, 100, (1,)),
}
# Root mean square of the pixels: measured on the published sets, mean and standard deviation of all pixels.
PIXELS = {
    "mnist": math.hypot(33.3, 78.6),
    "fashion_mnist": math.hypot(72.9, 90.0),
    "cifar10": math.hypot(120.7, 64.2),
    "cifar100": math.hypot(121.9, 68.4),
}


def class_ids(shape: Shape, classes: int | None, library: str = "np") -> Tensor:
    """Integer labels 0..classes-1."""
    if classes is None:
        return Tensor(shape=shape, dtype="int64", low=0.0, high=math.inf, library=library, encoding="class-ids")
    values = tuple(float(i) for i in range(classes)) if classes <= 16 else None
    rms = math.sqrt(sum(i * i for i in range(classes)) / classes)
    return Tensor(
        shape=shape,
        dtype="uint8",
        low=0.0,
        high=float(classes - 1),
        rms=rms,
        values=values,
        library=library,
        encoding="class-ids",
    )


@handles(*(f"keras.datasets.{name}.load_data" for name in IMAGES))
def load_images(call: ApiCall) -> Value:
    name = call.name.split(".")[2]
    known = IMAGES[name]
    parts = []
    for split, rows in (("train", known.train), ("test", known.test)):
        # Only images with colours have an axis for them.
        shape = (rows, *known.shape) if len(known.shape) < 3 else image_shape(call.machine, rows, *known.shape)
        x = Tensor(shape=shape, dtype="uint8", low=0.0, high=known.high, rms=PIXELS[name], library="np")
        y = class_ids((rows, *known.labels), known.classes)
        parts.append(
            Tuple(
                items=(
                    call.emit("data", output=x, tag=f"x {split}", dataset=name, split=split),
                    call.emit("data", output=y, tag=f"y {split}", dataset=name, split=split),
                )
            )
        )
    return Parts(items=tuple(parts), roles=_PAIRS)


_PAIRS = ((0, "train"), (1, "train"), (0, "test"), (1, "test"))
"""What `load_data()` gives: samples and labels to train on, then samples and labels to test with."""


@handles("keras.datasets.imdb.load_data", "keras.datasets.reuters.load_data")
def load_text(call: ApiCall) -> Value:
    name = call.name.split(".")[2]
    words = call.constant("num_words")
    classes = 2 if name == "imdb" else 46
    rows = {"imdb": (25000, 25000), "reuters": (8982, 2246)}[name]
    parts = []
    for split, count in zip(("train", "test"), rows):
        high = float(words - 1) if isinstance(words, int) else math.inf
        element = Tensor(shape=(None,), dtype="int64", low=0.0, high=high, library="np")
        x = call.machine.new(call.place, ListRecord(items=None, element=element, length=count), f"x {split}")
        y = call.emit("data", output=class_ids((count,), classes), tag=f"y {split}", dataset=name, split=split)
        parts.append(Tuple(items=(x, y)))
    return Parts(items=tuple(parts), roles=_PAIRS)


@handles("keras.datasets.boston_housing.load_data", "keras.datasets.california_housing.load_data")
def load_housing(call: ApiCall) -> Value:
    boston = "boston" in call.name
    columns = 13 if boston else 8
    parts = []
    for split, count in (("train", 404 if boston else 16512), ("test", 102 if boston else 4128)):
        # Tax rates and shares of hundreds; with latitudes, incomes and populations the columns differ by thousands.
        x = Tensor(
            shape=(count, columns),
            dtype="float64",
            low=None if not boston else 0.0,
            high=711.0 if boston else None,
            rms=161.0 if boston else None,
            library="np",
        )
        y = Tensor(
            shape=(count,),
            dtype="float64",
            low=5.0 if boston else 14999.0,
            high=50.0 if boston else 500001.0,
            rms=24.0 if boston else 237000.0,
            library="np",
        )
        given = call.emit("data", output=x, tag=f"x {split}", dataset="housing")
        parts.append(Tuple(items=(given, call.emit("data", output=y, tag=f"y {split}"))))
    return Parts(items=tuple(parts), roles=_PAIRS)


@handles(
    "tf.examples.tutorials.mnist.input_data.read_data_sets",
    "tensorflow.examples.tutorials.mnist.input_data.read_data_sets",
    "tf.contrib.learn.datasets.mnist.read_data_sets",
    "tf.contrib.learn.datasets.mnist.load_mnist",
)
def read_data_sets(call: ApiCall) -> Value:
    """The old MNIST reader: pixels already scaled to [0, 1]."""
    call.bind_as("train_dir", "fake_data", "one_hot", fake_data=False, one_hot=False, reshape=True)
    one_hot, flat = call.known("one_hot"), call.known("reshape")
    sets = {}
    for split, rows in (("train", 55000), ("test", 10000), ("validation", 5000)):
        shape: tuple[Dim, ...] = (784,) if flat is True else (28, 28, 1)
        images = Tensor(
            shape=(rows, *shape), dtype="float32", low=0.0, high=1.0, rms=PIXELS["mnist"] / 255, library="np"
        )
        x = call.emit("data", output=images, tag=f"x {split}", dataset="mnist", split=split)
        y = call.emit("data", output=_mnist_labels(rows, one_hot), tag=f"y {split}", dataset="mnist", split=split)
        record = ApiObject(
            call.symbol,
            "mnist split",
            {},
            call.place,
            {"attributes": {"images": x, "labels": y, "num_examples": Const(value=rows)}},
        )
        sets[split] = call.machine.new(call.place, record, f"set {split}")
    return call.object("mnist", attributes=sets)


def _mnist_labels(rows: Dim, one_hot: Any) -> Tensor:
    if one_hot is True:
        return Tensor(
            shape=(rows, 10),
            dtype="float32",
            low=0.0,
            high=1.0,
            rms=math.sqrt(0.1),
            values=(0.0, 1.0),
            library="np",
            encoding="one-hot",
        )
    if one_hot is False:
        return class_ids((rows,), 10)
    return Tensor(library="np")


@method("mnist split", "next_batch")
def next_batch(call: ApiCall) -> Value:
    call.bind_as("batch_size")
    record = call.machine.object(call.receiver)
    assert record is not None
    size = arrays.as_dim(call.value("batch_size"))
    parts = []
    for name in ("images", "labels"):
        whole = record.fields["attributes"][name]
        shape = (size, *whole.shape[1:]) if whole.shape is not None else None
        parts.append(call.emit("slice", whole, output=whole.replace(shape=shape, op=None), tag=name))
    return Tuple(items=tuple(parts))


# Images from disk -----------------------------------------------------------------------------------------------------


@handles(
    "cv2.imread",
    "keras.utils.load_img",
    "keras.utils.img_to_array",
    "keras.preprocessing.image.img_to_array",
    "imageio.imread",
    "scipy.misc.imread",
    "scipy.ndimage.imread",
    "matplotlib.image.imread_uint8",
    "skimage.io.imread",
)
def read_image(call: ApiCall) -> Value:
    """Pixels 0..255."""
    value = call.arguments.positional[0].value if call.arguments.positional else NONE
    if call.name.endswith("img_to_array"):
        tensor = arrays.as_tensor(call.machine, value)
        shape = tensor.shape if tensor is not None else (None, None, None)
        if shape is not None and len(shape) == 2:
            shape = (*shape, 1)
        if call.given("data_format") is not None or layout_of(call.machine) != "channels_last":
            shape = None if shape is None else (None,) * len(shape)
        dtype = "float32" if call.given("dtype") is None else call.dtype("dtype")
        output = Tensor(shape=shape, dtype=dtype, low=0.0, high=255.0, rms=None, library="np")
        return call.emit("data", output=output)
    return call.emit("data", output=Tensor(shape=None, dtype="uint8", low=0.0, high=255.0, library="np"))


@handles(
    "tf.image.decode_jpeg",
    "tf.image.decode_png",
    "tf.image.decode_image",
    "tf.io.decode_jpeg",
    "tf.io.decode_png",
    "tf.io.decode_image",
    "tf.image.decode_bmp",
)
def decode_image(call: ApiCall) -> Value:
    channels = call.constant("channels")
    output = Tensor(shape=(None, None, channels or None), dtype="uint8", low=0.0, high=255.0)
    if call.given("dtype") is not None and call.dtype("dtype") != "uint8":
        output = output.replace(dtype=call.dtype("dtype"), low=None, high=None)
    return call.emit("data", output=output)


@handles("tf.decode_raw", "tf.io.decode_raw")
def decode_raw(call: ApiCall) -> Value:
    """Numbers in a text, of which nobody knows how many there are."""
    texts = call.tensor("bytes", "input_bytes")
    rest = texts.shape if texts is not None else () if call.value("bytes", "input_bytes") != NONE else None
    shape = None if rest is None else (*rest, None)
    return call.emit("data", output=Tensor(shape=shape, dtype=call.dtype("out_type")))


@handles("tf.image.convert_image_dtype")
def convert_image_dtype(call: ApiCall) -> Value:
    x = call.tensor("image")
    if x is None:
        return call.opaque()
    dtype = call.dtype("dtype")
    floats = [name is not None and name.startswith(("float", "bfloat")) for name in (x.dtype, dtype)]
    output = x.replace(op=None, dtype=dtype, low=None, high=None, values=None, rms=None)
    if dtype == x.dtype or all(floats):
        output = x.replace(op=None, dtype=dtype)
    elif floats[1] and x.dtype is not None:
        # Whole numbers are divided by the largest one of their type.
        low = 0.0 if x.dtype.startswith("u") or (x.low is not None and x.low >= 0) else -1.0
        output = output.replace(low=low, high=1.0)
        if x.rms is not None and x.dtype == "uint8":
            output = output.replace(rms=x.rms / 255)
    elif floats[1]:
        output = output.replace(low=0.0, high=1.0)  # an image, as the name says
    return call.emit("divide", x, output=output)


@handles(
    "tf.image.resize",
    "tf.image.resize_images",
    "tf.image.resize_image_with_crop_or_pad",
    "tf.image.resize_with_pad",
    "tf.image.resize_with_crop_or_pad",
    "cv2.resize",
    "tf.image.random_crop",
    "tf.random_crop",
)
def resize(call: ApiCall) -> Value:
    x = arrays.as_tensor(call.machine, operand(call, 0, "images", "image", "src", "value"))
    if x is None:
        return call.opaque()
    size = arrays.as_shape(call.machine, operand(call, 1, "size", "dsize"))
    if "crop_or_pad" in call.name or "with_pad" in call.name:
        sides = (operand(call, 1, "target_height"), operand(call, 2, "target_width"))
        size = (arrays.as_dim(sides[0]), arrays.as_dim(sides[1]))
    shape: Shape = None
    if call.name.endswith("random_crop") and size is not None and len(size) != 2:
        shape = size
    if size is not None and len(size) == 2 and x.shape is not None and len(x.shape) >= 3:
        shape = (*x.shape[:-3], *size, x.shape[-1])
    kept = call.arguments.keywords.get("preserve_aspect_ratio")
    if kept is not None and kept.value != Const(value=False) and shape is not None:
        shape = (*x.shape[:-3], None, None, x.shape[-1])  # type: ignore[index]
    low, high = x.low, x.high
    if call.name.endswith("_pad"):
        low = None if low is None else min(0.0, low)
        high = None if high is None else max(0.0, high)
    if not _stays_between(call):
        low = high = None
    return call.emit(
        "resize",
        x,
        output=x.replace(
            shape=shape,
            op=None,
            low=low,
            high=high,
            values=x.values if call.name.endswith("random_crop") else None,
            dtype=_resized_type(call, x),
        ),
    )


def _resized_type(call: ApiCall, x: Tensor) -> str | None:
    """The type of a resized image: TensorFlow makes floats of pixels, unless it only picks some of them."""
    if not call.name.startswith("tf.image.resize") or "crop" in call.name:
        return x.dtype
    plain = len(call.arguments.positional) < 3 and "method" not in call.arguments.keywords
    return "float32" if plain or x.dtype == "float32" or call.name.endswith("_pad") else None


_BETWEEN = (
    "bilinear", "nearest", "nearest_neighbor", "area", "inter_linear", "inter_nearest", "inter_area", 0, 1, 3, None,
)  # fmt: skip
"""Ways to resize whose results lie between the pixels around; cubic and Lanczos kernels overshoot."""


def _stays_between(call: ApiCall) -> bool:
    """Whether an image that is resized stays within its range of numbers."""
    if "crop" in call.name:
        return True
    way = call.argument("interpolation" if call.name.startswith("cv2.") else "method")
    if way is None:
        return not call.arguments.open
    value = call.machine.resolve(way.value)
    if isinstance(value, Api):
        return value.symbol.name.rsplit(".", 1)[-1].lower() in _BETWEEN
    if not isinstance(value, Const):
        return False
    return (value.value.lower() if isinstance(value.value, str) else value.value) in _BETWEEN


@handles(
    "tf.image.random_flip_left_right",
    "tf.image.random_flip_up_down",
    "tf.image.flip_left_right",
    "cv2.cvtColor",
    "tf.image.rgb_to_grayscale",
)
def same_range(call: ApiCall) -> Value:
    x = arrays.as_tensor(call.machine, operand(call, 0, "image", "images", "src"))
    if x is None:
        return call.opaque()
    shape = x.shape if "flip" in call.name else None
    values = x.values
    if call.name == "tf.image.rgb_to_grayscale":
        shape, values = (None if x.shape is None else (*x.shape[:-1], 1)), None
    elif call.name == "cv2.cvtColor":
        values = None
    return call.emit("identity", x, output=x.replace(op=None, shape=shape, values=values))


@handles("keras.preprocessing.image.ImageDataGenerator")
def image_data_generator(call: ApiCall) -> Value:
    return call.object("image generator")


@method("image generator", "flow_from_directory", "flow_from_dataframe", "flow")
def flow(call: ApiCall) -> Value:
    """Batches of images, scaled as the generator says."""
    machine = call.machine
    record = machine.object(call.receiver)
    assert record is not None
    name = machine.method_name
    arguments = record.arguments
    high: float | None = 255.0
    rms: float | None = None
    scale = arguments.get("rescale")
    if scale is not None and not is_none(machine.resolve(scale.value)):
        factor = arrays.as_tensor(machine, scale.value)
        known = factor is not None and factor.low is not None and factor.low == factor.high
        high = 255.0 * factor.low if known else None  # type: ignore[union-attr,operator]
    altered = any(
        arguments[key].given or isinstance(arguments[key].value, Unknown)
        for key in (
            "featurewise_center",
            "samplewise_center",
            "featurewise_std_normalization",
            "samplewise_std_normalization",
            "preprocessing_function",
            "zca_whitening",
        )
        if key in arguments
    )
    if altered:
        high = None
    low = 0.0 if high is not None else None
    labels: Value = UNKNOWN
    mixed = _mixing(call)
    mixed["fitted"] = record.fields.get("fitted", False)
    if name == "flow":
        call.bind_as("x", "y", "batch_size", batch_size=32)
        x = call.tensor("x")
        size = arrays.as_dim(call.value("batch_size"))
        if x is None:
            return call.object("dataset", element=UNKNOWN, generator=call.receiver, **mixed)
        shape: Shape = (size, *x.shape[1:]) if x.shape else None
        scaled = x
        if scale is not None and scale.given:
            factor = arrays.as_tensor(machine, scale.value)
            scaled = arithmetic.binary("multiply", x, factor) if factor is not None else Tensor()
        if altered:
            scaled = Tensor()
        output = scaled.replace(shape=shape, op=None, library="np")
        images = call.emit("slice", x, output=output, tag="images", **_preprocessing(record, x))
        y = call.tensor("y")
        if y is not None:
            labels = call.emit(
                "slice", y, output=y.replace(shape=(size, *y.shape[1:]) if y.shape else None, op=None), tag="labels"
            )
        return call.object("dataset", element=Tuple(items=(images, labels)), generator=call.receiver, **mixed)
    call.bind_as(
        "directory",
        "target_size" if name == "flow_from_directory" else "directory2",
        target_size=Const(value=None).value,
        color_mode="rgb",
        class_mode="categorical",
        batch_size=32,
    )
    batch = batch_axis(call)
    shape = _images_of(call, batch, "target_size")
    # Photographs: mean about 118, standard deviation about 64 of 255 (ImageNet's channel statistics).
    rms = math.hypot(118, 64) * (high / 255) if high is not None else None
    output = Tensor(shape=shape, dtype="float32", low=low, high=high, rms=rms, library="np")
    images = call.emit("data", output=output, tag="images", **_preprocessing(record, None))
    mode = call.constant("class_mode", default=None) if call.known("class_mode") is not None else None
    labels = _mode_labels(call, batch, mode)
    element = Tuple(items=(images, labels)) if mode is not None else images
    return call.object("dataset", element=element, generator=call.receiver, **mixed)


def _images_of(call: ApiCall, batch: Dim, argument: str) -> Shape:
    """The shape of the images that a loader makes; `argument` says how high and wide, 256 where it is not given."""
    size = call.shape(argument) if call.arguments.open or call.given(argument) is not None else (256, 256)
    channels = {"rgb": 3, "grayscale": 1, "rgba": 4}.get(str(call.settled("color_mode", default="rgb")))
    return image_shape(call.machine, batch, size[0], size[1], channels) if size is not None and len(size) == 2 else None


def _mixing(call: ApiCall) -> dict[str, Any]:
    """Whether a generator gives its files in another order each time: it does unless it is told not to."""
    given = call.arguments.keywords.get("shuffle")
    if given is None:
        return {"shuffled": None if call.arguments.open else True}
    value = call.machine.resolve(given.value)
    return {"shuffled": bool(value.value) if isinstance(value, Const) else None}


def _preprocessing(generator: ApiObject, x: Tensor | None) -> dict[str, Any]:
    """The pretrained family that a generator prepares its images for, and whether they are scaled beside that."""
    function = generator.arguments.get("preprocessing_function")
    name = function.value.symbol.name if function is not None and isinstance(function.value, Api) else ""
    if not name.startswith("keras.applications.") or not name.endswith(".preprocess_input"):
        return {}
    scale = generator.arguments.get("rescale")
    small = x is not None and is_scaled(x)
    return {"preprocessed": name.split(".")[2], "scaled": small or (scale is not None and scale.given)}


@method("image generator", "fit")
def fit_generator(call: ApiCall) -> Value:
    """The statistics that `featurewise_center` and its like need."""
    record = call.machine.object(call.receiver)
    if record is not None and isinstance(call.receiver, Ref):
        call.machine.put(call.receiver, record.replace(fields={**record.fields, "fitted": True}))
    return NONE


def _mode_labels(call: ApiCall, batch: Dim, mode: Any) -> Value:
    if mode in ("categorical",):
        return call.emit(
            "data",
            output=Tensor(
                shape=(batch, None),
                dtype="float32",
                low=0.0,
                high=1.0,
                values=(0.0, 1.0),
                encoding="one-hot",
                library="np",
            ),
            tag="labels",
        )
    if mode in ("binary",):
        return call.emit(
            "data",
            output=Tensor(
                shape=(batch,),
                dtype="float32",
                low=0.0,
                high=1.0,
                values=(0.0, 1.0),
                encoding="class-ids",
                library="np",
            ),
            tag="labels",
        )
    if mode in ("sparse", "int"):
        return call.emit(
            "data",
            output=Tensor(shape=(batch,), dtype="int32", low=0.0, high=math.inf, encoding="class-ids", library="np"),
            tag="labels",
        )
    return UNKNOWN


@handles(
    "keras.utils.image_dataset_from_directory",
    "keras.preprocessing.image_dataset_from_directory",
    "keras.preprocessing.image.image_dataset_from_directory",
)
def image_dataset(call: ApiCall) -> Value:
    batch = batch_axis(call)
    shape = _images_of(call, batch, "image_size")
    images = call.emit(
        "data", output=Tensor(shape=shape, dtype="float32", low=0.0, high=255.0, rms=math.hypot(118, 64)), tag="images"
    )
    mode = call.known("label_mode") if call.arguments.open or call.given("label_mode") is not None else "int"
    if (call.known("labels") is None and call.given("labels") is not None) or mode is None:
        return call.object("dataset", element=images, shuffled=True)
    labels = _mode_labels(call, batch, mode)
    return call.object("dataset", element=Tuple(items=(images, labels)), shuffled=call.known("shuffle"))


# tf.data --------------------------------------------------------------------------------------------------------------


@handles("tf.data.Dataset.from_tensor_slices", "tf.data.Dataset.from_tensors")
def from_tensor_slices(call: ApiCall) -> Value:
    value = (
        call.machine.resolve(call.arguments.positional[0].value) if call.arguments.positional else call.value("tensors")
    )
    rows = call.name.endswith("slices")
    element, length = rows_of(call, value) if rows else (value, 1)
    return call.object("dataset", element=element, length=length)


def rows_of(call: ApiCall, value: Value, tag: str = "row") -> tuple[Value, Dim]:
    """One row of an array or of each array of a structure, and how many there are."""
    machine = call.machine
    if isinstance(value, Tuple):
        parts = [rows_of(call, machine.resolve(item), f"{tag}.{i}") for i, item in enumerate(value.items)]
        lengths = [length for _, length in parts]
        return Tuple(items=tuple(part for part, _ in parts)), lengths[0] if lengths else None
    record = machine.get(value)
    if isinstance(record, DictRecord):
        pairs = []
        length: Dim = None
        for i, (key, item) in enumerate(record.items):
            part, length = rows_of(call, machine.resolve(item), f"{tag}.{i}")
            pairs.append((key, part))
        return machine.new(call.place, DictRecord(items=tuple(pairs), open=record.open), tag), length
    tensor = arrays.as_tensor(machine, value)
    if tensor is None:
        return UNKNOWN, None
    shape = tensor.shape[1:] if tensor.shape else None
    row = call.emit("slice", tensor, output=tensor.replace(shape=shape, op=None, library="tf"), tag=tag)
    return row, tensor.shape[0] if tensor.shape else None


@handles(
    "tf.data.TFRecordDataset",
    "tf.data.TextLineDataset",
    "tf.data.Dataset.list_files",
    "tf.data.experimental.make_csv_dataset",
)
def opaque_dataset(call: ApiCall) -> Value:
    return call.object("dataset", element=UNKNOWN)


@handles("tf.data.Dataset.zip")
def zip_datasets(call: ApiCall) -> Value:
    """Elements side by side, of datasets in a tuple, in a dict or one after the other."""
    machine, given = call.machine, call.arguments.positional
    value: Value = UNKNOWN
    if len(given) > 1:
        value = Tuple(items=tuple(argument.value for argument in given))
    elif given or "datasets" in call.arguments.keywords:
        value = machine.resolve((given[0] if given else call.arguments.keywords["datasets"]).value)
    record = machine.get(value)
    if isinstance(record, DictRecord):
        pairs = tuple((key, element_of(machine, item)) for key, item in record.items)
        return call.object("dataset", element=machine.new(call.place, DictRecord(items=pairs, open=record.open), "zip"))
    items = None if call.arguments.open else builtins.items_of(machine, value)
    if items is None:
        return call.object("dataset", element=UNKNOWN)
    return call.object("dataset", element=Tuple(items=tuple(element_of(machine, item) for item in items)))


def element_of(machine: Machine, value: Value | None) -> Value:
    """What a dataset gives, unknown where the value is none."""
    record = None if value is None else machine.object(machine.resolve(value))
    if record is None or record.kind != "dataset":
        return UNKNOWN
    return machine.resolve(record.fields.get("element", UNKNOWN))


@handles("tf.data.Dataset.range")
def range_dataset(call: ApiCall) -> Value:
    given = call.arguments.keywords.get("output_type")
    dtype = "int64" if given is None else dtype_name(call.machine.resolve(given.value))
    numbers = [call.machine.resolve(argument.value) for argument in call.arguments.positional]
    # It may start below zero, or count down.
    rising = len(numbers) == 1 or (len(numbers) == 2 and isinstance(numbers[0], Const) and numbers[0].value in (0, 1))
    low = 0.0 if rising else None
    return call.object(
        "dataset", element=Tensor(shape=(), dtype=dtype, low=low, high=None if low is None else math.inf)
    )


_KEEPS = (
    "shuffle",
    "repeat",
    "prefetch",
    "cache",
    "take",
    "skip",
    "shard",
    "filter",
    "with_options",
    "snapshot",
    "rebatch",
    "ignore_errors",
    "as_numpy_iterator",
    "take_while",
    "unique",
)


@method("dataset", *_KEEPS)
def keep(call: ApiCall) -> Value:
    """A dataset of the same elements; an opaque one where that is not so."""
    record = call.machine.object(call.receiver)
    assert record is not None
    name = call.machine.method_name
    fields = dict(record.fields)
    if name == "rebatch":
        fields["element"] = UNKNOWN
    if name == "take":
        fields["length"] = _taken(fields.get("length"), call.machine, call.arguments)
    elif name in ("skip", "filter", "shard", "repeat", "take_while", "unique"):
        fields["length"] = None
    fields["steps"] = (*fields.get("steps", ()), name)
    fields["of"] = call.receiver
    order = _ARGUMENTS.get(name)
    arguments = {} if order is None else dict(call.bind_as(*order).bound)
    return call.machine.new(call.place, ApiObject(call.symbol, "dataset", arguments, call.place, fields), "dataset")


def _taken(length: Dim, machine: Machine, arguments: Arguments) -> Dim:
    """How many elements `take` leaves: there may be fewer than it asks for, and -1 takes all."""
    count = arrays.as_dim(machine.resolve(arguments.positional[0].value)) if arguments.positional else None
    if count == -1:
        return length
    return min(length, count) if isinstance(length, int) and isinstance(count, int) else None


_ARGUMENTS = {
    "shuffle": ("buffer_size", "seed", "reshuffle_each_iteration"),
    "take": ("count",),
    "skip": ("count",),
    "shard": ("num_shards", "index"),
    "repeat": ("count",),
}
"""Steps that decide which elements come, how often and in which order, and their parameters."""


def batch_axis(call: ApiCall) -> Symbol:
    """The length of the batches that a call makes."""
    return Symbol("batch", ("batch", call.machine.identify(call.place, "batch")), batch=True)


def batched(call: ApiCall, element: Value, size: Dim, tag: str = "batch") -> Value:
    """An element with a batch axis in front of each of its tensors."""
    element = call.machine.resolve(element)
    if isinstance(element, Tuple):
        return Tuple(items=tuple(batched(call, item, size, f"{tag}.{i}") for i, item in enumerate(element.items)))
    tensor = arrays.as_tensor(call.machine, element)
    if tensor is None:
        record = call.machine.get(element)
        if isinstance(record, DictRecord):
            pairs = tuple((key, batched(call, item, size, f"{tag}.{i}")) for i, (key, item) in enumerate(record.items))
            return call.machine.new(call.place, DictRecord(items=pairs, open=record.open), tag)
        return UNKNOWN
    shape = None if tensor.shape is None else (size, *tensor.shape)
    return call.emit("stack", tensor, output=tensor.replace(shape=shape, op=None, library="tf"), tag=tag)


@method("dataset", "map")
def map_dataset(call: ApiCall) -> Value:
    call.bind_as("map_func")
    record = call.machine.object(call.receiver)
    assert record is not None
    element = record.fields.get("element", UNKNOWN)
    function = call.value("map_func")
    parts = element.items if isinstance(element, Tuple) else (element,)
    if isinstance(function, Function) or call.machine.get(function) is not None or function != UNKNOWN:
        arguments = Arguments([Argument(value=part, place=call.place) for part in parts], {})
        element = call.machine.resolve(calls.call(call.machine, function, arguments, call.place))
    else:
        element = UNKNOWN
    steps = (*record.fields.get("steps", ()), "map")
    fields = {**record.fields, "element": element, "steps": steps, "of": call.receiver}
    return call.machine.new(call.place, ApiObject(call.symbol, "dataset", {}, call.place, fields), "dataset")


@handles(
    "tf.contrib.eager.Iterator",
    "tf.data.make_one_shot_iterator",
    "tf.data.make_initializable_iterator",
)
def iterator_of(call: ApiCall) -> Value:
    call.bind_as("dataset")
    return call.value("dataset")


@method("dataset", "make_one_shot_iterator", "make_initializable_iterator", "__iter__")
def iterator(call: ApiCall) -> Value:
    return call.receiver or UNKNOWN


@method("dataset", "get_next", "next", "__next__", "__getitem__")
def get_next(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    return record.fields.get("element", UNKNOWN) if record is not None else UNKNOWN


@method("dataset", "make_initializer")
def make_initializer(call: ApiCall) -> Value:
    return call.emit("initializer", output=Tensor(shape=()), name="tf.data.Iterator.initializer")


@attribute("dataset", "initializer")
def iterator_initializer(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    """What sets an iterator of TensorFlow 1 to the start of its data; it touches no variable."""
    output = Tensor(shape=())
    return machine.emit("initializer", "tf.data.Iterator.initializer", place, (), output, "initializer")


@attribute("dataset", "classes", "labels")
def file_labels(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    """The class of each file of a generator, in the order of the files."""
    if "generator" not in record.fields:
        return UNKNOWN
    output = class_ids((None,), None)
    return machine.emit("data", "classes", place, (), output, "classes", attributes={"files_of": reference})


@attribute(
    "dataset",
    "class_names",
    "class_indices",
    "samples",
    "num_classes",
    "element_spec",
    "filenames",
)
def dataset_attribute(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    return UNKNOWN
