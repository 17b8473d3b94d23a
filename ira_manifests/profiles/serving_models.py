"""Further models that a server loads: LoRA adapters, and a draft for speculative decoding."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import HubId, ModelName, Revision
from ira_manifests.profiles.forms import refuse

Loras = Annotated[int, Field(gt=0, le=1000)]
Rank = Annotated[int, Field(gt=0, le=512)]

_Tokens = Annotated[int, Field(gt=0, le=128)]
_Window = Annotated[int, Field(gt=0, le=1024)]
_NEED_A_DRAFT = ("draft_model", "eagle", "eagle3")


class LoraAdapter(Profile):
    """A LoRA adapter, which clients call by its name."""

    name: ModelName
    """The name by which clients call it; none of the model's."""
    model_id: HubId
    """The adapter's repository; the server reads the folder of that name in the bucket."""
    revision: Revision | None = None
    """Its commit, tag or branch."""


class Speculative(Profile):
    """Speculative decoding: what proposes tokens that the model then confirms."""

    method: Literal["draft_model", "eagle", "eagle3", "mtp", "ngram"]
    """`ngram` looks in the prompt, `mtp` is layers of the model's own; the others need a draft."""
    num_speculative_tokens: _Tokens
    """Tokens that are proposed at a time."""
    model_id: HubId | None = None
    """The draft's repository; the server reads the folder of that name in the bucket."""
    revision: Revision | None = None
    """Its commit, tag or branch."""
    draft_tensor_parallel_size: Annotated[int, Field(gt=0, le=1024)] | None = None
    """GPUs that share the draft: 1, or as many as share the model."""
    prompt_lookup_min: _Window | None = None
    """`ngram`: the fewest tokens that are looked for."""
    prompt_lookup_max: _Window | None = None
    """`ngram`: the most."""

    @model_validator(mode="after")
    def _of_the_method(self) -> Self:
        given = self.model_fields_set
        of_ngram = sorted(given & {"prompt_lookup_min", "prompt_lookup_max"})
        of_draft = sorted(given & {"model_id", "revision", "draft_tensor_parallel_size"})
        if self.method in _NEED_A_DRAFT and self.model_id is None:
            raise refuse(f"has the method {self.method}, which needs a draft; set model_id")
        if self.method == "ngram" and of_draft:
            raise refuse(f"has {of_draft[0]}, and ngram has no draft; leave it out")
        if self.method != "ngram" and of_ngram:
            raise refuse(f"has {of_ngram[0]}, which is of ngram alone; leave it out")
        if self.revision is not None and self.model_id is None:
            raise refuse("has a revision and no model_id; name the repository that it is of")
        least, most = self.prompt_lookup_min, self.prompt_lookup_max
        if least is not None and most is not None and least > most:
            raise refuse(
                f"has prompt_lookup_min {least} above prompt_lookup_max {most}; min must not "
                "exceed max"
            )
        return self
