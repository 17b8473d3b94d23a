"""The objects of the constructs as plain values, and what decides each of their fields.

Pure functions; importing them does not start Node.js. Each module of objects also has their table
of sources, which `explain` reads.
"""
