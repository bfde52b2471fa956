"""Changes of images that say how large the result is: crops, patches, colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays
from trainlint.interpret.api import layers
from trainlint.interpret.api.common import tensor_operand, tensor_type
from trainlint.interpret.api.derived import bounds, derived, from_zero
from trainlint.interpret.api.registry import handles
from trainlint.program import dims
from trainlint.program.dims import Dim, Shape
from trainlint.program.values import Tensor, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


@handles(
    "tf.image.random_brightness", "tf.image.adjust_brightness", "tf.image.random_contrast", "tf.image.adjust_contrast",
    "tf.image.random_saturation", "tf.image.adjust_saturation", "tf.image.random_hue", "tf.image.adjust_hue",
    "tf.image.adjust_gamma", "tf.image.random_jpeg_quality", "tf.image.adjust_jpeg_quality", "tf.image.rgb_to_hsv",
    "tf.image.hsv_to_rgb", "tf.image.rgb_to_yuv", "tf.image.yuv_to_rgb", "tf.image.draw_bounding_boxes",
)  # fmt: skip
def recoloured(call: ApiCall) -> Value:
    """An image of the same size and type, with other numbers."""
    x = tensor_operand(call, 0, "image", "images")
    if x is None:
        return call.opaque()
    limits: dict[str, Any] = {"low": 0.0, "high": 255.0} if x.dtype == "uint8" else {}
    return derived(call, x, shape=x.shape, dtype=x.dtype, **limits)


def _region(x: Tensor, height: Dim, width: Dim) -> Shape:
    return None if x.shape is None or len(x.shape) < 3 else (*x.shape[:-3], height, width, x.shape[-1])


@handles("tf.image.central_crop")
def central_crop(call: ApiCall) -> Value:
    """The middle of an image."""
    x, fraction = tensor_operand(call, 0, "image"), call.constant("central_fraction")
    if x is None:
        return call.opaque()
    shape = x.shape
    if shape is not None and len(shape) >= 3 and fraction != 1:
        shape = _region(x, _middle(shape[-3], fraction), _middle(shape[-2], fraction))
    return call.emit("slice", x, output=x.replace(shape=shape, op=None, encoding=None))


def _middle(size: Dim, fraction: Any) -> Dim:
    if not isinstance(size, int) or not isinstance(fraction, float) or not 0 < fraction <= 1:
        return None
    return size - 2 * int((size - size * fraction) / 2)


@handles("tf.image.crop_to_bounding_box", "tf.image.pad_to_bounding_box")
def bounding_box(call: ApiCall) -> Value:
    """A part of an image, or an image with zeros around it."""
    x = tensor_operand(call, 0, "image")
    if x is None:
        return call.opaque()
    shape = _region(x, arrays.as_dim(call.value("target_height")), arrays.as_dim(call.value("target_width")))
    if "crop_to" in call.name:
        return call.emit("slice", x, output=x.replace(shape=shape, op=None, encoding=None))
    return derived(call, x, shape=shape, dtype=x.dtype, **from_zero(x))


@handles("tf.image.crop_and_resize")
def crop_and_resize(call: ApiCall) -> Value:
    """A resized part of the images for each box."""
    x, boxes, size = tensor_operand(call, 0, "image"), call.tensor("boxes"), call.shape("crop_size")
    if x is None:
        return call.opaque()
    shape: Shape = None
    if size is not None and len(size) == 2:
        number = boxes.shape[0] if boxes is not None and boxes.shape else None
        shape = (number, *size, x.shape[-1] if x.shape else None)
    limits = {} if call.given("extrapolation_value") is not None else {**from_zero(x), "values": None}
    return derived(call, x, shape=shape, dtype="float32", **limits)


@handles("tf.image.grayscale_to_rgb")
def grayscale_to_rgb(call: ApiCall) -> Value:
    x = tensor_operand(call, 0, "images")
    if x is None:
        return call.opaque()
    shape = (*x.shape[:-1], 3) if x.shape else None
    return derived(call, x, shape=shape, dtype=x.dtype, rms=x.rms, **bounds(x))


@handles("tf.image.flip_up_down", "tf.image.transpose", "tf.image.rot90")
def turned(call: ApiCall) -> Value:
    """An image that is mirrored or turned; by a quarter its sides change places."""
    x = tensor_operand(call, 0, "image")
    if x is None:
        return call.opaque()
    shape = x.shape
    quarters = call.known("k") if call.given("k") is not None else 1
    swaps = None if call.name.endswith("flip_up_down") else quarters if call.name.endswith("rot90") else 1
    if swaps is not None and shape is not None and len(shape) >= 3:
        known = isinstance(swaps, int)
        sides = (shape[-2], shape[-3]) if known and swaps % 2 else (shape[-3], shape[-2]) if known else (None, None)
        shape = _region(x, *sides)
    return call.emit("identity", x, output=x.replace(op=None, shape=shape))


@handles("tf.image.resize_bilinear", "tf.image.resize_nearest_neighbor", "tf.image.resize_area")
def resize_by(call: ApiCall) -> Value:
    """Resized images whose pixels lie between those around."""
    x, size = call.tensor("images"), call.shape("size")
    if x is None:
        return call.opaque()
    shape = _region(x, *size) if size is not None and len(size) == 2 else None
    nearest = call.name.endswith("neighbor")
    dtype = tensor_type(x.dtype) if nearest else "float32"
    return call.emit(
        "resize", x, output=x.replace(shape=shape, op=None, dtype=dtype, values=x.values if nearest else None)
    )


@handles("tf.image.extract_patches", "tf.image.extract_image_patches", "tf.extract_image_patches")
def extract_patches(call: ApiCall) -> Value:
    """The pixels of each window as channels."""
    x = call.tensor("images")
    if x is None:
        return call.opaque()
    sizes, strides, rates = call.shape("sizes", "ksizes"), call.shape("strides"), call.shape("rates")
    padding = str(call.constant("padding", default="")).lower()
    shape: Shape = None
    if x.shape is not None and len(x.shape) == 4 and sizes and strides and rates and padding in ("same", "valid"):
        if len(sizes) == len(strides) == len(rates) == 4:
            windows = zip(x.shape[1:3], sizes[1:3], strides[1:3], rates[1:3])
            depth = dims.product((*sizes[1:3], x.shape[3]))
            shape = (x.shape[0], *(layers.window(d, k, s, padding, r) for d, k, s, r in windows), depth)
    return derived(call, x, shape=shape, dtype=x.dtype, **(bounds(x) if padding == "valid" else from_zero(x)))


@handles("tf.image.psnr", "tf.image.ssim", "tf.image.ssim_multiscale", "tf.image.total_variation")
def of_image(call: ApiCall) -> Value:
    """One number for each image."""
    x = tensor_operand(call, 0, "images", "a", "img1")
    if x is None:
        return call.opaque()
    low = 0.0 if call.name.endswith("total_variation") else None
    high = math.inf if low is not None else None
    return derived(call, x, shape=None if x.shape is None else x.shape[:-3], dtype="float32", low=low, high=high)
