"""Only what draws random numbers."""

from numpy import random

__all__ = ["random"]
__version__ = "2.99"
