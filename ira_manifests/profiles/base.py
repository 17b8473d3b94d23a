"""The base class of all profile models."""

from pydantic import BaseModel, ConfigDict


class Profile(BaseModel):
    """Base of all profile models: unknown keys are errors, values are never converted."""

    # Only models of whole files validate; inner models need no validator of their own.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
