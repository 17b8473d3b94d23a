"""What cannot be computed, as exceptions.

The tree:

    ValueError
    └── MemoryInputError
        ├── GeometryError         a model that cannot exist, or that vLLM refuses
    │   └── SplitError        a tensor parallel size that does not divide the model
        ├── EngineVersionError    text that is no version, or an engine older than the tables
        └── SettingsError         utilization, context, KV cache dtype or memory out of range
"""


class MemoryInputError(ValueError):
    """An input from which no memory budget follows; the message names the value."""


class GeometryError(MemoryInputError):
    """A model geometry that is impossible, or whose KV cache vLLM can't lay out."""


class SplitError(GeometryError):
    """A tensor parallel size that does not divide the model's heads."""


class EngineVersionError(MemoryInputError):
    """An engine version that is no version, or is older than the oldest one known."""


class SettingsError(MemoryInputError):
    """A serving setting (utilization, context, KV cache dtype, …) that is out of range."""
