"""The arguments of Keras layers in today's words: what Keras 1 called otherwise, and what the program sets for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.interpret.api.call import Arguments, parameters
from trainlint.interpret.api.registry import handles
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program.eras import KERAS_1_WORDS
from trainlint.program.values import NONE, UNKNOWN, Argument, Const, Tuple, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine
    from trainlint.program.dims import Dim, Shape
    from trainlint.tfapi import Symbol

_UNITS = ("Dense", "LSTM", "GRU", "SimpleRNN")
_WINDOW = ("nb_row", "nb_col")
_LAYOUTS = {"th": "channels_first", "tf": "channels_last"}
_SETTING = ("setting", "image data format")


def layer_arguments(machine: Machine, symbol: Symbol, arguments: Arguments) -> Arguments:
    """The arguments of a layer as the tables name them."""
    keywords = arguments.keywords
    is_old = not KERAS_1_WORDS.keys().isdisjoint(keywords) or "output_dim" in keywords
    if symbol.flavour == "keras" and (is_old or len(arguments.positional) > 1):
        arguments = _of_keras_1(machine, symbol, arguments)
    given = arguments.keywords.get("data_format")
    if (given is None or not given.given) and "data_format" in parameters(machine, symbol):
        setting = machine.read(_SETTING)
        if setting is not MISSING:
            keywords = {**arguments.keywords, "data_format": Argument(value=setting)}
            arguments = Arguments(arguments.positional, keywords, arguments.open)
    return arguments


def image_shape(machine: Machine, rows: Dim, height: Dim, width: Dim, channels: Dim) -> Shape:
    """The shape of the images that Keras reads, with the channels where the program wants them."""
    layout = layout_of(machine)
    if layout == "channels_last":
        return (rows, height, width, channels)
    return (rows, channels, height, width) if layout == "channels_first" else (rows, None, None, None)


def layout_of(machine: Machine) -> str | None:
    """Where the program wants images to have their channels; None where that is not known."""
    setting = machine.read(_SETTING)
    value = Const(value="channels_last") if setting is MISSING else machine.resolve(setting)
    return value.value if isinstance(value, Const) and value.value in _LAYOUTS.values() else None


def _of_keras_1(machine: Machine, symbol: Symbol, arguments: Arguments) -> Arguments:
    """The arguments with today's words beside those of Keras 1."""
    keywords = dict(arguments.keywords)
    positional = list(arguments.positional)
    name = symbol.name.rsplit(".", 1)[-1]
    for word, argument in arguments.keywords.items():
        today = KERAS_1_WORDS.get(word)
        if word == "output_dim" and name in _UNITS:
            today = "units"
        if word == "dim_ordering":
            argument = argument.replace(value=_layout(machine.resolve(argument.value)))
        if today is not None:
            keywords[today] = argument
    if "Conv" in name:
        positional = _window(machine, symbol, positional, keywords)
    elif name in _UNITS and len(positional) > 1 and _is_whole(machine, positional[1]):
        # Keras 0.x was told how many inputs there are as well.
        del positional[0]
    return Arguments(positional, keywords, arguments.open)


def _window(
    machine: Machine, symbol: Symbol, positional: list[Argument], keywords: dict[str, Argument]
) -> list[Argument]:
    """The positional arguments of a convolution, where the sides of its window may be arguments of their own.

    Keras 1 has `Convolution2D(filters, rows, columns)`, and Keras 0.x the number of channels that come in before the
    rows; neither says where an image has its channels.
    Since Keras 2 the third number is the stride: which is meant cannot always be told from the call alone.
    """
    rank = next((int(c) for c in symbol.name if c.isdigit()), 2)
    is_old = not KERAS_1_WORDS.keys().isdisjoint(keywords) or "Convolution" in symbol.path
    sides = [keywords[word] for word in _WINDOW if word in keywords]
    whole = 0
    while whole < len(positional) and _is_whole(machine, positional[whole]):
        whole += 1
    if not sides and is_old and whole > rank > 1:
        sides = positional[whole - rank : whole]
        keywords.update(zip(_WINDOW, sides))
        positional = positional[:1]
    if is_old and rank > 1:
        keywords.setdefault("data_format", Argument(value=UNKNOWN))
    if len(sides) == rank:
        keywords["kernel_size"] = Argument(value=Tuple(items=tuple(a.value for a in sides)), place=sides[0].place)
    elif whole > 2 and rank > 1 and "padding" not in keywords:
        side, stride = (machine.resolve(argument.value) for argument in positional[1:3])
        # A stride that leaves no gaps between the windows is the common one.
        if isinstance(side, Const) and isinstance(stride, Const) and stride.value >= side.value:
            for word in ("kernel_size", "strides", "padding", "data_format"):
                keywords.setdefault(word, Argument(value=UNKNOWN))
            return positional[:1]
    return positional


def _is_whole(machine: Machine, argument: Argument) -> bool:
    value = machine.resolve(argument.value)
    return isinstance(value, Const) and type(value.value) is int


def _layout(value: Value) -> Value:
    return Const(value=_LAYOUTS.get(value.value, value.value)) if isinstance(value, Const) else value


@handles(
    "keras.backend.set_image_data_format", "keras.backend.set_image_dim_ordering", "keras.config.set_image_data_format"
)
def set_layout(call: ApiCall) -> Value:
    setting = _layout(call.value("data_format", "dim_ordering"))
    # What is set under a test that is not decided may be set or not.
    call.machine.write(_SETTING, UNKNOWN if call.machine.context().conditions else setting)
    return NONE


@handles("keras.backend.image_data_format", "keras.config.image_data_format", "keras.backend.image_dim_ordering")
def layout(call: ApiCall) -> Value:
    setting = call.machine.read(_SETTING)
    if setting is MISSING:
        return unknown("the image data format is set elsewhere", call.place)
    if call.name.endswith("dim_ordering"):
        words = {new: old for old, new in _LAYOUTS.items()}
        found = call.machine.resolve(setting)
        return Const(value=words.get(found.value, found.value)) if isinstance(found, Const) else UNKNOWN
    return setting
