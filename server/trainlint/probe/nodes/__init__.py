"""Operations of a program as nodes of an experiment: one writer for each kind."""

from trainlint.probe.nodes import elementwise, layers, shapes, training
from trainlint.probe.nodes.writing import WRITERS, Writing

__all__ = ["WRITERS", "Writing", "elementwise", "layers", "shapes", "training"]
