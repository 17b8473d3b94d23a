"""Analyses of cells: resource needs, changes that make a cell fit, and sources of values."""
