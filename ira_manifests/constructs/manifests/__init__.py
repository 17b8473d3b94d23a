"""The objects of the constructs as plain values, and the source of each field.

Pure functions; importing them does not start Node.js. Each module of objects also has a table of
sources, which `explain` reads.
"""
