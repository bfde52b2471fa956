"""What `generate_api_tables.py` takes from the libraries, and how it chooses among the names of one object."""

from __future__ import annotations

# Namespaces of TensorFlow 2 that hold Keras objects.
KERAS_IN_TF2 = ("keras", "losses", "metrics", "optimizers", "initializers")
# Generated wrappers (raw_ops), a copy of numpy, other versions of the API, and tools that no training script calls.
SKIPPED_IN_TF = (
    "compat", "raw_ops", "experimental.numpy", "keras", "profiler", "tpu", "lite", "mlir", "sysconfig",
    "python_io.tf", "ragged.RaggedTensor", "experimental.dtensor", "experimental.tensorrt",
    "debugging.experimental", "tf2", "resource_loader", "xla", "profiler", "quantization", "types",
    "autodiff", "nest", "user_ops", "manip", "estimator",
)  # fmt: skip
SKIPPED_IN_KERAS = (
    "dtensor",
    "experimental.dtensor",
    "__internal__",
    "src",
    "protobuf",
    "tools",
    "integration_test",
    "api",
)

# Of several public names of one object the first of these namespaces gives the canonical one.
TF_NAMESPACES = ("", "nn", "math", "random", "linalg", "train", "image", "io", "strings", "layers", "losses", "metrics")
KERAS_NAMESPACES = ("", "layers", "models", "utils", "losses", "metrics", "optimizers", "activations", "applications")

# Canonical names that the rules above would not choose: the usual spelling.
PREFERRED = {
    "keras": (
        "layers.Layer", "losses.Loss", "metrics.Metric", "optimizers.Optimizer", "initializers.Initializer",
        "regularizers.Regularizer", "quantizers.Quantizer", "random.SeedGenerator", "layers.InputSpec",
        "dtype_policies.DTypePolicy",
    ),
    "tf": ("nn.softmax", "app.flags", "nn.softplus", "nn.rnn_cell.BasicLSTMCell"),
    "np": ("abs", "max", "min", "round", "divide", "mod", "inf", "nan", "bool_", "str_"),
}  # fmt: skip

# Classes whose methods programs call; a subclass refers to the nearest of them.
TF_CLASSES = (
    "GraphKeys", "image.ResizeMethod", "VariableAggregation", "VariableSynchronization", "Variable", "Tensor",
    "Graph", "GradientTape", "Module", "TensorArray", "Session", "InteractiveSession", "data.Dataset",
    "data.Iterator", "data.TFRecordDataset", "data.TextLineDataset", "train.Optimizer", "train.Saver",
    "train.Coordinator", "train.Checkpoint", "train.CheckpointManager", "train.ExponentialMovingAverage",
    "train.Supervisor", "train.MonitoredSession", "random.Generator", "summary.FileWriter", "distribute.Strategy",
    "nn.rnn_cell.RNNCell", "nn.rnn_cell.LSTMCell", "layers.Layer", "TensorShape", "DType", "SparseTensor",
    "RaggedTensor",
)  # fmt: skip
KERAS_CLASSES = (
    "Model", "Sequential", "layers.Layer", "layers.RNN", "layers.TextVectorization", "layers.Normalization",
    "layers.Discretization", "layers.StringLookup", "layers.IntegerLookup", "optimizers.Optimizer",
    "optimizers.legacy.Optimizer", "losses.Loss", "metrics.Metric", "callbacks.Callback", "utils.PyDataset",
    "utils.Sequence", "preprocessing.image.ImageDataGenerator", "preprocessing.text.Tokenizer",
    "random.SeedGenerator",
)  # fmt: skip
NP_CLASSES = ("ndarray", "random.Generator", "random.RandomState")

# `tf.data.experimental.service.X` is as deep as public names go.
DEEPEST = 3

SKIPPED_IN_NUMPY = (
    "core", "ctypeslib", "distutils", "doc", "dtypes", "emath", "exceptions", "f2py", "lib", "ma", "matlib",
    "matrixlib", "polynomial", "random.bit_generator", "random.mtrand", "rec", "strings", "test", "testing",
    "typing", "version", "char", "show_config", "show_runtime",
)  # fmt: skip

STANDARD = (
    "argparse", "collections", "copy", "csv", "dataclasses", "datetime", "functools", "glob", "gzip", "itertools",
    "json", "math", "operator", "os", "os.path", "pathlib", "pickle", "random", "re", "shutil", "string", "sys",
    "time",
)  # fmt: skip

# The groups of Keras in which a string stands for an object: `activation="relu"`.
IDENTIFIERS = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")
