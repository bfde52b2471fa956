"""The abstract machine: runs lowered code on values that say what is known, and builds the model of the program."""
