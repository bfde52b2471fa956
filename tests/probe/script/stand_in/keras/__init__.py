"""As much of Keras 3 as the hooks look at: one weight, learned by gradient descent, without any other package."""

from keras.src import callbacks
from keras.src.models.model import Model
from keras.src.utils import rng_utils as utils

__all__ = ["callbacks", "Model", "utils"]
__version__ = "3.99"
