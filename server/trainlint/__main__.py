"""`python -m trainlint`."""

import os
import sys

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
