"""The arrays, gradients, loops and compilers of TensorFlow, JAX and PyTorch behind one small interface.

Every tensor that an operation sees has a leading axis of replicas (arm x seed), so no backend needs a transformation
over replicas, and what is computed for one replica cannot depend on another.
"""

from importlib import import_module
from importlib.util import find_spec

from ..errors import BackendMissing

ORDER = ("tensorflow", "jax", "torch")

_made: dict = {}


def available():
    """Names of the installed backends, the preferred one first."""
    return [name for name in ORDER if find_spec(name) is not None]


def backend(name=None):
    """The backend ``name``, or the first that is installed; made once for a process."""
    if name is None:
        found = available()
        if not found:
            raise BackendMissing("none of TensorFlow, JAX and PyTorch is installed in this Python")
        name = found[0]
    if name not in _made:
        if name not in ORDER:
            raise BackendMissing("no backend has the name {!r}".format(name))
        _made[name] = import_module("." + name, __name__).Backend()
    return _made[name]
