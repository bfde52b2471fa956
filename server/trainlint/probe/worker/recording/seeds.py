"""Sets the seeds of every source of random numbers, and makes the program's own seeds differ from run to run."""

from __future__ import annotations

import random
from typing import Any, Callable


class Seeds:
    """The seed of one run.

    `own` leaves the seeds that the program sets as they are.
    The other runs mix theirs in: five runs of a program that seeds itself would be one run five times.
    """

    def __init__(self, seed: int, own: bool) -> None:
        self.seed = seed
        self._own = own

    def mixed(self, seed: Any) -> Any:
        """The seed to take where the program asks for this one."""
        if self._own or isinstance(seed, bool) or not isinstance(seed, int):
            return seed
        return (seed * 1_000_003 + self.seed * 7_919 + 1) % (2**31 - 1)

    def _mixing(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def seeded(*arguments: Any, **keywords: Any) -> Any:
            if arguments:
                arguments = (self.mixed(arguments[0]),) + arguments[1:]
            elif name in keywords:
                keywords[name] = self.mixed(keywords[name])
            return function(*arguments, **keywords)

        seeded.__name__ = getattr(function, "__name__", "seed")
        seeded.__doc__ = function.__doc__
        seeded.__dict__["__wrapped__"] = function
        return seeded

    def python(self) -> None:
        """Seeds the standard library."""
        random.seed(self.seed)
        random.seed = self._mixing(random.seed, "a")

    def numpy(self, module: Any) -> None:
        """Seeds `numpy.random` when it is imported."""
        module.seed(self.seed)
        module.seed = self._mixing(module.seed, "seed")

    def tensorflow_functions(self, module: Any) -> None:
        """Seeds all graphs that are made later: each draws by the order of its random operations.

        Older versions draw by the number of operations before, so that one more of any kind changes all that follow.
        """
        original = module.get_seed
        by_order = hasattr(module, "_graph_to_seed_dict")

        def get_seed(op_seed: Any) -> Any:
            if not module.context.executing_eagerly():
                graph = module.ops.get_default_graph()
                if graph.seed is None:
                    graph.seed = self.seed
                if op_seed is None and not by_order:
                    op_seed = graph._trainlint_drawn = getattr(graph, "_trainlint_drawn", -1) + 1
            return original(op_seed)

        module.get_seed = get_seed
        for name in ("set_seed", "set_random_seed"):
            if hasattr(module, name):
                setattr(module, name, self._mixing(getattr(module, name), "seed"))

    def tensorflow(self, module: Any) -> None:
        """Seeds eager execution as soon as TensorFlow is imported."""
        set_seed = getattr(getattr(module, "random", None), "set_seed", None)
        if set_seed is not None and module.executing_eagerly():
            getattr(set_seed, "__wrapped__", set_seed)(self.seed)

    def keras(self, module: Any) -> None:
        """Mixes the seed into Keras' own function for it, and seeds what Keras draws from by default."""
        module.set_random_seed = self._mixing(module.set_random_seed, "seed")

    def torch(self, module: Any) -> None:
        """Seeds PyTorch."""
        module.manual_seed(self.seed)
        module.manual_seed = self._mixing(module.manual_seed, "seed")
