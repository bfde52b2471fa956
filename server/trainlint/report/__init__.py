"""What a check found, in the forms that people and programs read.

`entries.entry` turns an analysis into plain data that any process can write and read; each other module is one output
format over a list of these. They return strings and print nothing.
"""
