"""Profiles: the data of the matrix, read with the line and column of every value."""

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix, UnknownCellError

__all__ = ["Cell", "Matrix", "UnknownCellError"]
