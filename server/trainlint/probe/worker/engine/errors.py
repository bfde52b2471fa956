"""What can end a run of the engine early."""


class Cancelled(Exception):
    """The caller asked for the end."""


class OutOfDeviceMemory(MemoryError):
    """The accelerator has no room for the experiment; the same experiment may still fit on the CPU."""


class GraphError(Exception):
    """The network of an arm cannot be computed; the text is one sentence for the user."""


class BackendMissing(Exception):
    """No training framework that the engine can use is installed in this interpreter."""
