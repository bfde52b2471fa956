"""The networks of keras.applications: known by the shapes of what goes in and comes out, not by their layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret.api import activations
from trainlint.interpret.api.registry import handles
from trainlint.interpret.api.variables import fed
from trainlint.program.values import NONE, Const, Tensor, Value, is_none

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Dim, Shape

# Channels of the last feature map, as `include_top=False` gives it.
_CHANNELS = {
    "VGG16": 512, "VGG19": 512, "ResNet50": 2048, "ResNet101": 2048, "ResNet152": 2048, "ResNet50V2": 2048,
    "ResNet101V2": 2048, "ResNet152V2": 2048, "MobileNet": 1024, "MobileNetV2": 1280, "MobileNetV3Small": 576,
    "MobileNetV3Large": 960, "DenseNet121": 1024, "DenseNet169": 1664, "DenseNet201": 1920, "InceptionV3": 2048,
    "InceptionResNetV2": 1536, "Xception": 2048, "NASNetMobile": 1056, "NASNetLarge": 4032, "EfficientNetB0": 1280,
    "EfficientNetB1": 1280, "EfficientNetB2": 1408, "EfficientNetB3": 1536, "EfficientNetB4": 1792,
    "EfficientNetB5": 2048, "EfficientNetB6": 2304, "EfficientNetB7": 2560, "EfficientNetV2B0": 1280,
    "EfficientNetV2B1": 1280, "EfficientNetV2B2": 1408, "EfficientNetV2B3": 1536, "EfficientNetV2S": 1280,
    "EfficientNetV2M": 1280, "EfficientNetV2L": 1280, "ConvNeXtTiny": 768, "ConvNeXtSmall": 768, "ConvNeXtBase": 1024,
    "ConvNeXtLarge": 1536, "ConvNeXtXLarge": 2048,
}  # fmt: skip

PENULTIMATE = {
    name: 4096 if name.startswith("VGG") else channels
    for name, channels in _CHANNELS.items()
    if name != "MobileNet" and not name.startswith(("MobileNetV3", "ConvNeXt"))
}
"""How many numbers the layer before the last one gives, in networks that end in [batch, numbers] and classes."""

_UNPADDED = ("Inception", "Xception", "NASNet")
"""Networks whose windows leave the border out, so that a feature map is no 32nd of the image."""


@handles(*(f"keras.applications.{name}" for name in _CHANNELS))
def backbone(call: ApiCall) -> Value:
    """A pretrained network as a model of one opaque operation."""
    name = call.name.rsplit(".", 1)[-1]
    inputs = call.tensor("input_tensor") if not is_none(call.value("input_tensor")) else None
    if inputs is None:
        given = call.shape("input_shape")
        inputs = fed(call, (None, None, None, 3) if given is None else (None, *given), "float32", "input")
    body = call.emit(
        "opaque", inputs, output=Tensor(shape=_features(call, name, inputs), dtype="float32"), tag="body", known=True
    )
    top = call.known("include_top")
    if top is True or top == 1:
        classes = call.constant("classes", default=None)
        rows = inputs.shape[0] if inputs.shape else None
        scores = call.emit(
            "opaque",
            body,
            output=Tensor(
                shape=(rows, classes if isinstance(classes, int) else None), dtype="float32", activation="linear"
            ),
            tag="scores",
            known=True,
        )
        chosen = (
            call.value("classifier_activation") if call.argument("classifier_activation") else Const(value="softmax")
        )
        outputs: Value = activations.activate(call.machine, chosen, scores, call.place, "top")
    elif top is False or top == 0:
        outputs = _pooled(call, body)
    else:
        outputs = body.replace(shape=None)
    facts = {"backbone": name, "topped": top is True or top == 1}
    return call.object("model", form="functional", inputs=inputs, outputs=outputs, complete=True, **facts)


def _features(call: ApiCall, name: str, inputs: Tensor) -> Shape:
    if inputs.shape is None or len(inputs.shape) != 4:
        return None
    channels: Dim = _CHANNELS[name]
    alpha = call.value("alpha") if call.argument("alpha") is not None else NONE
    if not is_none(alpha) and alpha not in (Const(value=1.0), Const(value=1)):
        channels = None
    regular = not name.startswith(_UNPADDED)
    sizes = (d // 32 if regular and isinstance(d, int) and d % 32 == 0 else None for d in inputs.shape[1:3])
    return (inputs.shape[0], *sizes, channels)


def _pooled(call: ApiCall, body: Tensor) -> Value:
    pooling = call.known("pooling")
    if pooling is None:
        return body
    if pooling not in ("avg", "max") or body.shape is None:
        return body.replace(shape=None)
    output = body.replace(shape=(body.shape[0], body.shape[-1]), op=None)
    return call.emit("pool", body, output=output, tag="pooling", how="mean" if pooling == "avg" else "max", size=None)
