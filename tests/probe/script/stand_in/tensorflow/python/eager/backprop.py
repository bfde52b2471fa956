from tensorflow.python.eager import context  # noqa: F401 (as in TensorFlow)


class GradientTape:
    """Differentiates squares of one variable alone."""

    def gradient(self, target, sources):
        return [2.0 * source.value for source in sources]
