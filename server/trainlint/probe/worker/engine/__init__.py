"""The numeric part of the probe: trains the arms of an experiment and measures them."""

from .errors import BackendMissing, Cancelled, GraphError, OutOfDeviceMemory
from .experiment import run

__all__ = ["BackendMissing", "Cancelled", "GraphError", "OutOfDeviceMemory", "run"]
