"""The base of all models of profile files."""

from pydantic import BaseModel, ConfigDict


class Profile(BaseModel):
    """Base of all profile models: unknown keys are errors, values are never converted."""

    # Only the models of whole files are asked to validate; those inside need no validator.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
