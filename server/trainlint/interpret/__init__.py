"""Runs lowered code on the abstract machine, and gives the programs that rules look at."""

# The modules of the machine call each other; this order lets each of them be imported first.
from trainlint.interpret import statements as _statements  # noqa: F401
