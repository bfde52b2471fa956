"""As much of TensorFlow 2 as loops with a tape need, in eager execution."""

from tensorflow.python.eager.backprop import GradientTape
from tensorflow.python.eager.variables import Variable

__all__ = ["GradientTape", "Variable"]
__version__ = "2.99"


def executing_eagerly():
    return True
