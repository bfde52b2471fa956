"""`python -m trainlint`."""

import os
import signal
import sys

# Until there is something that can be interrupted, Ctrl-C ends the process and Python has nothing to say about it.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# With `-m` Python looks for modules in the working folder first, and an editor starts the server in the user's:
# a `random.py` there is the user's code, which is never run.
try:
    here = os.getcwd()
except OSError:
    # Somebody deleted it.
    here = ""
if sys.path and sys.path[0] in ("", here) and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):
    del sys.path[0]

from trainlint.cli.main import main

if __name__ == "__main__":
    main()
