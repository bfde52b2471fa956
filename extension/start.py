"""Starts the bundled trainlint: `python -I -S start.py server`.

Nothing but the standard library and the folder beside this file is on the path.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "libs"))

from trainlint.cli.main import main

main()
