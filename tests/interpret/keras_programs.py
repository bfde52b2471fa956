"""Random Keras programs as text, for the comparison with Keras itself.

A program may be wrong, such as a window that is larger than its input: Keras then says so and what comes after the
mistake is not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

HEADER = (
    "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\n"
)

UNITS = st.integers(1, 9)
FLAG = st.booleans()
FORMAT = st.sampled_from(["'channels_last'", "'channels_first'"])
ACTIVATION = st.sampled_from(
    ["'relu'", "'tanh'", "'softmax'", "'sigmoid'", "None", "'elu'", "'gelu'", "'selu'", "'softplus'", "tf.nn.relu"]
)  # fmt: skip


@st.composite
def called(draw: Any, name: str, *positional: SearchStrategy[Any], **optional: SearchStrategy[Any]) -> str:
    """`name(positional, optional=...)`, each optional argument in half of the programs."""
    arguments = [str(draw(item)) for item in positional]
    arguments += [f"{key}={draw(item)}" for key, item in optional.items() if draw(FLAG)]
    return f"layers.{name}({', '.join(arguments)})"


def one_of(*names: str, **optional: SearchStrategy[Any]) -> SearchStrategy[str]:
    return st.sampled_from(names).flatmap(lambda name: called(name, **optional))


def per_axis(rank: int, low: int, high: int) -> SearchStrategy[Any]:
    """A size for all spatial axes, or one for each."""
    sizes = st.integers(low, high)
    return sizes if rank == 0 else st.one_of(sizes, st.tuples(*[sizes] * rank).map(str))


def convolution(rank: int) -> SearchStrategy[str]:
    size = per_axis(rank, 1, 4)
    common: dict[str, Any] = {
        "padding": st.sampled_from(["'same'", "'valid'"] + (["'causal'"] if rank == 1 else [])),
        "use_bias": FLAG,
        "activation": ACTIVATION,
        "data_format": FORMAT,
    }
    options = [
        called(f"Conv{rank}D", UNITS, size, strides=per_axis(rank, 1, 3), **common),
        called(f"Conv{rank}D", UNITS, size, dilation_rate=per_axis(rank, 1, 3), **common),
        called(f"Conv{rank}D", st.sampled_from([2, 4, 6]), size, groups=st.sampled_from([1, 2]), **common),
        called(f"Conv{rank}DTranspose", UNITS, size, strides=per_axis(rank, 1, 3), **common | {
            "padding": st.sampled_from(["'same'", "'valid'"]), "output_padding": st.just("None")}),
        called(f"Conv{rank}DTranspose", UNITS, size, strides=st.just("2"), output_padding=st.sampled_from([0, 1]),
               padding=st.sampled_from(["'same'", "'valid'"])),
        called(f"Conv{rank}DTranspose", UNITS, size, dilation_rate=st.integers(1, 3),
               padding=st.sampled_from(["'same'", "'valid'"])),
    ]  # fmt: skip
    if rank < 3:
        options += [
            called(f"SeparableConv{rank}D", UNITS, size, strides=st.integers(1, 3), depth_multiplier=st.integers(1, 3),
                   **common),
            called(f"DepthwiseConv{rank}D", size, strides=st.integers(1, 3), depth_multiplier=st.integers(1, 3),
                   **common | {"padding": st.sampled_from(["'same'", "'valid'"])}),
        ]  # fmt: skip
    return st.one_of(options)


def pooling(rank: int) -> SearchStrategy[str]:
    return one_of(
        f"MaxPooling{rank}D",
        f"AveragePooling{rank}D",
        f"MaxPool{rank}D",
        f"AvgPool{rank}D",
        pool_size=per_axis(rank, 1, 3),
        strides=per_axis(rank, 1, 3),
        padding=st.sampled_from(["'same'", "'valid'"]),
        data_format=FORMAT,
    )


def global_pooling(rank: int) -> SearchStrategy[str]:
    return one_of(
        f"GlobalMaxPooling{rank}D", f"GlobalAveragePooling{rank}D", f"GlobalAvgPool{rank}D", data_format=FORMAT
    )


def borders(rank: int) -> SearchStrategy[str]:
    pair = st.tuples(st.integers(0, 2), st.integers(0, 2)).map(str)
    amount = (
        st.one_of(st.integers(0, 2), pair)
        if rank == 1
        else st.one_of(
            st.integers(0, 2),
            st.tuples(*[st.integers(0, 2)] * rank).map(str),
            st.tuples(*[pair] * rank).map(lambda pairs: f"({', '.join(pairs)})"),
        )
    )
    more = {} if rank == 1 else {"data_format": FORMAT}
    return st.one_of(
        called(f"ZeroPadding{rank}D", padding=amount, **more),
        called(f"Cropping{rank}D", cropping=amount, **more),
        called(f"UpSampling{rank}D", size=st.integers(1, 3) if rank == 1 else per_axis(rank, 1, 3), **more),
    )


SAME = st.one_of(
    called("Activation", st.one_of(ACTIVATION, st.just("tf.nn.relu"), st.just("'linear'"))),
    called("Dropout", st.just("0.5")),
    one_of("GaussianDropout", "AlphaDropout", rate=st.just("0.2")).map(lambda s: s.replace("()", "(0.3)")),
    called("GaussianNoise", st.just("0.1")),
    called("BatchNormalization", center=FLAG, scale=FLAG, momentum=st.just("0.9")),
    called("LayerNormalization", center=FLAG, scale=FLAG, epsilon=st.just("1e-5")),
    called("UnitNormalization"),
    called("RMSNormalization"),
    one_of("LeakyReLU", "ELU", "ReLU", "PReLU", "Softmax"),
    called("Rescaling", st.just("1 / 255"), offset=st.just("-1")),
    called("Lambda", st.just("lambda t: t * 2")),
    called("Lambda", st.just("tf.nn.relu")),
    called("Masking", mask_value=st.just("0.0")),
    called("ActivityRegularization", l1=st.just("0.1")),
    called("Normalization", axis=st.just("-1")),
    one_of("BatchNormalization", "LayerNormalization", axis=st.sampled_from(["1", "-1", "[1]", "[-1]"])).filter(
        lambda text: not ("Batch" in text and "[" in text)
    ),
    called("PReLU", shared_axes=st.sampled_from(["[1]", "1"]).filter(lambda axes: axes == "[1]")),
    called("Dense", UNITS, st.sampled_from(["'relu'", "keras.activations.tanh", "layers.LeakyReLU()"])),
    called("SpectralNormalization", st.just("layers.Dense(3)")),
    st.just("layers.Lambda(lambda t: tf.reduce_sum(t, axis=-1, keepdims=True))"),
    st.just("layers.Lambda(lambda t: t / tf.reduce_max(t), name='scaled')"),
    st.just("keras.Sequential([layers.Dense(4, activation='relu'), layers.Dropout(0.5), layers.Dense(2)])"),
    called("Identity"),
)
"""Layers that keep the shape, whatever it is."""

DENSE = called("Dense", UNITS, activation=ACTIVATION, use_bias=FLAG)


@st.composite
def cell(draw: Any) -> str:
    """A recurrent layer without its flags: `LSTM(4, ...`."""
    options = {"use_bias": FLAG, "go_backwards": FLAG, "dropout": st.just("0.1"), "activation": st.just("'relu'")}
    text = draw(st.sampled_from(["SimpleRNN", "LSTM", "GRU"]).flatmap(lambda name: called(name, UNITS, **options)))
    if text.startswith("layers.GRU") and draw(FLAG):
        text = text[:-1] + f", reset_after={draw(FLAG)})"
    return text


@st.composite
def recurrent(draw: Any) -> tuple[str, int, int]:
    """(text, rank of the result, how many results)."""
    text = draw(cell())
    every = draw(FLAG)
    if every:
        text = text[:-1] + ", return_sequences=True)"
    if draw(FLAG):
        mode = draw(st.sampled_from(["", ", merge_mode='concat'", ", merge_mode='sum'", ", merge_mode='ave'",
                                     ", merge_mode='mul'", ", merge_mode=None"]))  # fmt: skip
        results = 2 if "None" in mode else 1
        if draw(st.integers(0, 3)) == 0:
            text = text[:-1] + ", return_state=True)"
            results += 4 if "LSTM" in text else 2
        return f"layers.Bidirectional({text}{mode})", 2 if every else 1, results
    if draw(FLAG):
        return text[:-1] + ", return_state=True)", 2 if every else 1, 3 if "LSTM" in text else 2
    return text, 2 if every else 1, 1


@st.composite
def rnn_cells(draw: Any) -> tuple[str, int, int]:
    cells = draw(st.lists(st.sampled_from(["SimpleRNNCell", "LSTMCell", "GRUCell"]), min_size=1, max_size=2))
    made = [f"layers.{name}({draw(UNITS)})" for name in cells]
    every = draw(FLAG)
    cell_text = made[0] if len(made) == 1 else f"[{', '.join(made)}]"
    return f"layers.RNN({cell_text}{', return_sequences=True' if every else ''})", 2 if every else 1, 1


def reshapes(rank: int) -> SearchStrategy[tuple[str, int, int]]:
    flat = called("Flatten").map(lambda text: (text, 1, 1))
    if rank == 1:
        return st.one_of(
            st.sampled_from(["(1, -1)", "(-1, 1)"]).map(lambda s: (f"layers.Reshape({s})", 2, 1)),
            st.just(("layers.Reshape((-1,))", 1, 1)),
            called("RepeatVector", st.integers(1, 5)).map(lambda text: (text, 2, 1)),
        )
    orders = st.permutations(range(1, rank + 1)).map(lambda order: (f"layers.Permute({tuple(order)})", rank, 1))
    return st.one_of(flat, orders, st.just(("layers.Reshape((-1,))", 1, 1)))


def keeps(rank: int, *layers: SearchStrategy[str]) -> SearchStrategy[tuple[str, int, int]]:
    return st.one_of(*layers).map(lambda text: (text, rank, 1))


IMAGES = st.one_of(
    one_of("RandomFlip", mode=st.just("'horizontal'")),
    st.sampled_from([
        "layers.RandomRotation(0.1)", "layers.RandomZoom(0.2)", "layers.RandomContrast(0.1)",
        "layers.RandomTranslation(0.1, 0.1)", "layers.RandomBrightness(0.1)", "layers.SpatialDropout2D(0.1)",
        "layers.Resizing(12, 10)", "layers.CenterCrop(8, 9)", "layers.RandomCrop(7, 8)",
        "layers.Resizing(height=9, width=8, interpolation='nearest')",
    ]),
    called("GroupNormalization", groups=st.sampled_from([1, -1]), center=FLAG, scale=FLAG),
)  # fmt: skip

STEPS = {
    1: st.one_of(keeps(1, DENSE, DENSE, SAME), reshapes(1)),
    2: st.one_of(
        keeps(2, DENSE, SAME, convolution(1), convolution(1), pooling(1), borders(1)),
        keeps(2, called("SpatialDropout1D", st.just("0.1"))),
        keeps(2, DENSE.map(lambda text: f"layers.TimeDistributed({text})")),
        keeps(2, st.sampled_from(["layers.EinsumDense('abc,cd->ad', 7, bias_axes='d')",
                                  "layers.EinsumDense('...x,xy->...y', 5)"])),
        keeps(2, st.sampled_from(["layers.TimeDistributed(layers.BatchNormalization())", "layers.Cropping1D(1)",
                                  "layers.ZeroPadding1D((1, 2))", "layers.Reshape((2, -1))"])),
        global_pooling(1).map(lambda text: (text, 1, 1)),
        recurrent(),
        recurrent(),
        rnn_cells(),
        reshapes(2),
    ),
    3: st.one_of(
        keeps(3, DENSE, SAME, convolution(2), convolution(2), convolution(2), pooling(2), borders(2), IMAGES),
        keeps(3, convolution(1).map(lambda text: f"layers.TimeDistributed({text})")),
        global_pooling(2).map(lambda text: (text, 1, 1)),
        global_pooling(1).map(lambda text: (f"layers.TimeDistributed({text})", 2, 1)),
        reshapes(3),
    ),
    4: st.one_of(
        keeps(4, SAME, convolution(3), convolution(3), pooling(3), borders(3)),
        keeps(4, convolution(2).map(lambda text: f"layers.TimeDistributed({text})")),
        global_pooling(3).map(lambda text: (text, 1, 1)),
        called("ConvLSTM2D", UNITS, st.integers(1, 3), padding=st.just("'same'")).map(lambda text: (text, 3, 1)),
        called("ConvLSTM2D", UNITS, st.integers(1, 3), return_sequences=st.just("True"), strides=st.just("2")).map(
            lambda text: (text, 4 if "return_seq" in text else 3, 1)),
        st.just(("layers.ConvLSTM2D(3, (2, 2), return_state=True, padding='same')", 3, 3)),
        reshapes(4),
    ),
}  # fmt: skip
"""By rank without the batch: (layer, rank of its result, how many results it has)."""


@st.composite
def inputs(draw: Any) -> tuple[str, int]:
    """The shape of an input and its rank."""
    rank = draw(st.integers(1, 4))
    sizes = [st.integers(2, 12), st.integers(4, 12), st.integers(8, 16), st.integers(5, 8)][rank - 1]
    shape = [draw(sizes) for _ in range(rank)]
    if rank > 1:
        shape[-1] = draw(st.sampled_from([1, 2, 3, 4]))
    return f"({', '.join(map(str, shape))},)", rank


@st.composite
def sequential(draw: Any) -> str:
    """A Sequential model as a list or with `add`."""
    shape, rank = draw(inputs())
    stack = []
    for _ in range(draw(st.integers(1, 6))):
        text, following, results = draw(STEPS[rank])
        if results == 1:
            stack.append(text)
            rank = following
    stack = stack or ["layers.Flatten()"]
    first = [draw(st.sampled_from([f"keras.Input({shape})", f"layers.Input(shape={shape})", "", ""]))]
    if not first[0]:
        # The first layer may say what comes in.
        if stack[0].startswith("keras.") or "axis" in stack[0]:
            first = [f"layers.InputLayer(input_shape={shape})" if draw(FLAG) else f"layers.InputLayer({shape})"]
        else:
            first = []
            stack[0] = f"{stack[0][:-1]}, input_shape={shape})".replace("(, ", "(")
    if draw(FLAG):
        program = f"model = keras.Sequential([\n{''.join(f'    {layer},{chr(10)}' for layer in first + stack)}])\n"
    else:
        program = "model = keras.Sequential()\n" + "".join(f"model.add({layer})\n" for layer in first + stack)
    return HEADER + program + "model.compile('sgd', 'mse')\nx = model.outputs[0]\n"


@st.composite
def functional(draw: Any) -> str:
    """A model of calls: a chain with merges, shared layers and nested models."""
    shape, rank = draw(inputs())
    spelled = draw(st.sampled_from(["{}", "shape={}", "shape={}, name='images'", "{}, dtype='float32'"]))
    lines = [f"x0 = {draw(st.sampled_from(['keras.Input', 'layers.Input']))}({spelled.format(shape)})"]
    current = "x0"
    count = 0
    for _ in range(draw(st.integers(1, 6))):
        count += 1
        kind = draw(st.integers(0, 9))
        if kind == 0:
            # Both operands of a merge come from one tensor, so that their shapes fit.
            merge = draw(st.sampled_from(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]))
            lines.append(f"x{count} = layers.{merge}()([{current}, layers.ReLU()({current})])")
        elif kind == 1 and rank == 1:
            lines.append(f"x{count} = layers.Concatenate()([{current}, {draw(DENSE)}({current})])")
        elif kind == 1:
            axis = draw(st.sampled_from(["", "axis=1", "axis=-1", f"axis={rank}"]))
            lines.append(f"x{count} = layers.Concatenate({axis})([{current}, layers.Dropout(0.5)({current})])")
        elif kind == 2 and rank in (1, 2):
            axes = draw(st.sampled_from(["1", "-1"] if rank == 1 else ["1", "2", "(1, 1)", "(2, 2)", "-1"]))
            normalize = draw(st.sampled_from(["", ", normalize=True"]))
            lines.append(f"x{count} = layers.Dot(axes={axes}{normalize})([{current}, layers.ReLU()({current})])")
        elif kind == 2:
            lines.append(f"x{count} = layers.add([{current}, layers.ReLU()({current})])")
        elif kind == 3 and rank == 2:
            heads = draw(called("MultiHeadAttention", st.integers(1, 3), st.integers(1, 4), value_dim=UNITS,
                                use_bias=FLAG, output_shape=UNITS))  # fmt: skip
            lines.append(f"x{count} = {heads}({current}, layers.ReLU()({current}))")
        elif kind == 4 and rank == 2:
            which = draw(st.sampled_from(["Attention()", "AdditiveAttention()", "Attention(use_scale=True)"]))
            lines.append(f"x{count} = layers.{which}([{current}, layers.ReLU()({current})])")
        elif kind == 5 and rank == 1:
            lines.append(f"inner{count} = keras.Sequential([{draw(DENSE)}, {draw(DENSE)}])")
            lines.append(f"x{count} = inner{count}({current})")
        else:
            text, rank, results = draw(STEPS[rank])
            names = ", ".join([f"x{count}", *(f"x{count}_{i}" for i in range(1, results))])
            lines.append(f"{names} = {text}({current})")
            if kind == 2 and rank == 1:
                rank = 1
            current = f"x{count}"
            continue
        if kind == 2 and rank == 1:
            pass
        elif kind == 2 and rank == 2:
            rank = 2
        current = f"x{count}"
    lines += [f"model = keras.Model(x0, {current})", "model.compile('sgd', 'mse')"]
    return HEADER + "\n".join(lines) + "\n"


@st.composite
def embedded(draw: Any) -> str:
    """Words to sequences: an embedding and what follows it."""
    words, size, length = draw(st.integers(2, 50)), draw(UNITS), draw(st.integers(4, 9))
    options = draw(st.sampled_from(["", ", mask_zero=True"]))
    lines = [f"x0 = keras.Input(({length},), dtype='int32')", f"x1 = layers.Embedding({words}, {size}{options})(x0)"]
    text, _, results = draw(STEPS[2])
    names = ", ".join(["x2", *(f"x2_{i}" for i in range(1, results))])
    lines += [f"{names} = {text}(x1)", "model = keras.Model(x0, x2)", "model.compile('sgd', 'mse')"]
    return HEADER + "\n".join(lines) + "\n"


@st.composite
def branched(draw: Any) -> str:
    """Several inputs and outputs, a shared layer, an inner model that is called twice."""
    one, two, units = draw(UNITS), draw(UNITS), draw(UNITS)
    text = f"""
x0 = keras.Input(({one},), name="one")
x1 = keras.Input(({two},), name="two")
x2 = {draw(DENSE)}(x0)
x3 = {draw(DENSE)}(x1)
x4 = layers.{
        draw(
            st.sampled_from(
                [
                    "concatenate([x2, x3])",
                    "Concatenate()([x2, x3, x0])",
                    "concatenate([x0, x1], axis=1)",
                    "Concatenate(axis=-1)([x3, x3])",
                ]
            )
        )
    }
inner = keras.Model([x0, x1], x4)
x5 = keras.Input(({one},))
x6 = keras.Input(({two},))
x7 = inner([x5, x6])
x8 = inner([layers.Dropout(0.5)(x5), x6])
shared = {draw(DENSE)}
x9 = shared(x7)
x10 = shared(x8)
x11 = layers.{draw(st.sampled_from(["add", "subtract", "multiply", "average", "maximum", "minimum"]))}([x9, x10])
x12 = layers.{
        draw(
            st.sampled_from(
                [
                    "dot([x9, x10], axes=1)",
                    "dot([x9, x10], axes=-1, normalize=True)",
                    f"Dense({units})(x11)",
                    f"Dense({units}, name='out')(x11)",
                ]
            )
        )
    }
model = keras.Model(inputs=[x5, x6], outputs={draw(st.sampled_from(["x12", "[x12]", "layers.Add()([x11, x11])"]))})
model.compile("sgd", "mse")
"""
    return HEADER + text


@st.composite
def subclassed(draw: Any) -> str:
    """Models and layers of the user: `build`, `add_weight`, lists of layers, inner models."""
    units, width, depth = draw(UNITS), draw(UNITS), draw(st.integers(1, 3))
    shape = draw(st.sampled_from(["(6,)", "(5, 4)"]))
    body = draw(st.sampled_from([
        "for layer in self.stack:\n            x = layer(x)",
        "for i in range(len(self.stack)):\n            x = self.stack[i](x)",
        "x = self.stack[0](x)",
    ]))  # fmt: skip
    made = draw(st.sampled_from([
        f"[layers.Dense({width}, activation='relu') for _ in range({depth})]",
        f"[layers.Dense({width}), layers.Dense({units})]",
        f"[Linear({width}) for i in range({depth})]",
        f"[keras.Sequential([layers.Dense({width}), layers.ReLU()])]",
    ]))  # fmt: skip
    weight = draw(st.sampled_from([
        "self.add_weight(shape=(input_shape[-1], self.units), initializer='glorot_uniform', trainable=True)",
        "self.add_weight(name='w', shape=[input_shape[-1], self.units])",
        "self.add_weight('w', shape=(input_shape[-1], self.units))",
        "tf.Variable(tf.random.normal([input_shape[-1], self.units]))",
    ]))  # fmt: skip
    text = f"""
class Linear(layers.Layer):
    def __init__(self, units={units}, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = {weight}
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return tf.matmul(inputs, self.w) + self.b


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.stack = {made}
        self.linear = Linear()
        self.head = layers.Dense(3)

    def call(self, inputs, training=False):
        x = inputs
        {body}
        return self.head(self.linear(x))


x0 = keras.Input({shape})
x1 = Linear({width})(x0)
x2 = Net()(x1)
model = keras.Model(x0, x2)
model.compile("sgd", "mse")
"""
    return HEADER + text
