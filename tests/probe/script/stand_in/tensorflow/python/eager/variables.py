class Variable:
    def __init__(self, value):
        self.value = value

    def assign(self, value):
        self.value = value
