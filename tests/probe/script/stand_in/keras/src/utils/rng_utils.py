import random


def set_random_seed(seed):
    random.seed(seed)
