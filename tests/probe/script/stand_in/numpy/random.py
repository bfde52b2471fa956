import random as _python

_state = _python.Random()


def seed(seed=None):
    _state.seed(seed)


def rand():
    return _state.random()
