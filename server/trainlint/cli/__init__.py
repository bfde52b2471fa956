"""The command line: one module per command, and all printing."""
