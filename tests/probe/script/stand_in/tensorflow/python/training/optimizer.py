class Optimizer:
    def __init__(self, rate):
        self.rate = rate

    def apply_gradients(self, grads_and_vars):
        for gradient, variable in grads_and_vars:
            variable.assign(variable.value - self.rate * gradient)
