"""Validation of the numbers of layers."""

from ira_manifests.memory.errors import GeometryError, SplitError


def require_positive(owner: object, *names: str) -> None:
    """Raise GeometryError if an attribute is below 1."""
    for name in names:
        value = getattr(owner, name)
        if value < 1:
            raise GeometryError(f"{name} must be at least 1, got {value}")


def require_positive_if_set(owner: object, *names: str) -> None:
    """Raise GeometryError if an attribute is below 1; None is allowed."""
    require_positive(owner, *(name for name in names if getattr(owner, name) is not None))


def require_divides(tensor_parallel: int, number: int, what: str) -> None:
    """Raise SplitError if the tensor parallel size does not divide a number."""
    if number % tensor_parallel:
        raise SplitError(f"tensor parallel {tensor_parallel} does not divide {number} {what}")


def divided(number: int, tensor_parallel: int, what: str) -> int:
    """Return one GPU's part of a number; raise SplitError if it is not a whole number."""
    require_divides(tensor_parallel, number, what)
    return number // tensor_parallel
