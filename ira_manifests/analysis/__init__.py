"""Analyses of cells: resource needs, and changes that make a cell fit."""
