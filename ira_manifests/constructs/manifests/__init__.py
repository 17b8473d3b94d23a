"""The objects of the constructs as plain values, and what decides each of their fields.

Pure functions: nothing here needs cdk8s or starts Node.js. Beside the function that makes a
construct's objects, its module has their table of sources, which `explain` reads.
"""
