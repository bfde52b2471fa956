"""Text to lowered code: the only room that knows libcst.

`read(text, path)` never fails: it returns a `Document` with what could be read, and notices for the rest.
"""
