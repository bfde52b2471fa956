"""The worker: runs experiments in the user's interpreter.

The folder stands alone: it is started by its path, needs Python 3.8, the standard library and a backend, and knows
nothing else of trainlint.
"""
