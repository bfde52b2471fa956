"""How many cores a backend may use."""

import os


def cores():
    """Those that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        # Not on every system.
        return os.cpu_count() or 1
