"""What cannot be computed, as exceptions.

The tree:

    ValueError
    └── MemoryInputError
        ├── GeometryError         a model that cannot exist, or that vLLM refuses
    │   └── SplitError        a tensor parallel size that does not divide the model
        └── SettingsError         utilization, context, KV cache dtype or memory out of range
"""


class MemoryInputError(ValueError):
    """An input from which no memory budget follows; the message names the value."""


class GeometryError(MemoryInputError):
    """A model geometry that is impossible, or whose KV cache vLLM can't lay out."""


class SplitError(GeometryError):
    """A tensor parallel size that does not divide the model's heads."""


class SettingsError(MemoryInputError):
    """A serving setting (utilization, context, KV cache dtype, …) that is out of range."""
