"""Every rule by its id. `docs/rules.md` says what goes wrong in production without it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a finding refuses the cell, or only tells."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """One rule. Its id is stable; ids are never used again for another."""

    id: str
    name: str
    severity: Severity
    summary: str


_E, _W = Severity.ERROR, Severity.WARNING

BAD_INPUT = Rule("IRA000", "bad-input", _E, "A profile, an option or a file can't be used.")
"""The rule of problems that are no rule's findings; it can't be waived."""

RULES = {
    rule.id: rule
    for rule in (
        Rule("IRA001", "does-not-fit", _E, "The model does not fit the GPUs' memory."),
        Rule("IRA002", "little-margin", _W, "The KV cache fits with less to spare than its error."),
        Rule(
            "IRA003", "memory-not-judged", _W, "No geometry to judge by, or an option changes it."
        ),
        Rule("IRA004", "heads-not-divided", _E, "Tensor parallel can't split the model's heads."),
        Rule("IRA005", "idle-gpus", _W, "The machine has GPUs that the cell leaves idle."),
        Rule("IRA006", "too-large-for-machine", _E, "Requests exceed what the machine allocates."),
        Rule("IRA007", "context-too-long", _E, "Max model len is more than the model's own."),
        Rule("IRA008", "engine-too-old", _E, "The model needs a newer engine."),
        Rule("IRA009", "unknown-model-id", _E, "Organisation or case differ from a known id."),
        Rule(
            "IRA010", "unknown-flag", _E, "The engine refuses a flag of the server, or its value."
        ),
        Rule("IRA011", "gpus-not-parallel", _E, "GPUs are not tensor × pipeline parallel size."),
        Rule("IRA012", "no-shared-memory", _E, "GPUs work together without shared memory."),
        Rule("IRA013", "unread-value", _E, "A value that is set is read by no container."),
        Rule("IRA014", "unexpanded-variable", _E, "An argument holds what nobody expands."),
        Rule("IRA015", "unpinned-image", _E, "An image has no version, or one that moves."),
        Rule("IRA016", "shared-selector", _E, "Two workloads select the same Pods."),
        Rule("IRA017", "same-object-twice", _E, "Two objects have one name in a namespace."),
        Rule("IRA018", "template-differs", _E, "PodTemplate and Deployment are not the same."),
        Rule("IRA019", "request-out-of-range", _E, "A ProvisioningRequest that GKE refuses."),
        Rule("IRA020", "queue-with-selector", _E, "A queue beside a selector that excludes it."),
        Rule("IRA021", "name-not-allowed", _E, "A name is too long or has wrong letters."),
        Rule(
            "IRA022", "wrong-annotations", _E, "Consuming annotations are incomplete or misplaced."
        ),
        Rule("IRA023", "other-models-value", _E, "Paths or accounts are of another model."),
        Rule("IRA024", "unmatched-target", _E, "A replacement of kustomize changes nothing."),
        Rule("IRA025", "comment-in-value", _E, "A comment, blanks or quotes are part of a value."),
        Rule("IRA026", "token-where-unread", _E, "The token's Secret is where nothing reads it."),
        Rule("IRA027", "no-startup-probe", _W, "Nothing but readiness covers a long load."),
        Rule("IRA028", "stale-output", _E, "The output folder is not what the profiles say."),
        Rule("IRA029", "waiver-without-finding", _E, "A waived rule finds nothing to waive."),
        Rule("IRA030", "token-file-shape", _E, "The token's file holds more than the token."),
        Rule("IRA031", "no-such-user", _W, "The engine's image has no user of its own."),
        Rule("IRA032", "flags-not-judged", _W, "The options of the engine's release are unknown."),
        Rule("IRA033", "missing-value", _E, "A value that a container reads is missing."),
        Rule("IRA034", "queue-not-reached", _E, "Pods can't get onto the nodes of their request."),
        Rule("IRA035", "no-such-port", _E, "A probe or Service asks where no server listens."),
        Rule("IRA036", "second-machine", _W, "A second Pod takes the GPUs of another machine."),
        Rule("IRA037", "selects-nothing", _E, "A selector matches no Pod of its workload."),
        Rule("IRA038", "geometry-refused", _E, "The engine can't lay out the model's memory."),
        Rule("IRA039", "placeholder-left", _W, "The user's file still holds a placeholder."),
        Rule("IRA040", "model-not-served", _W, "No cell serves the model that is downloaded."),
        Rule("IRA041", "driver-too-old", _W, "The GPU driver may be too old for the image's CUDA."),
        Rule("IRA042", "requests-cut-off", _W, "A server ends before its requests do."),
        Rule("IRA043", "remote-code", _W, "The server runs code of the model's repository."),
        Rule("IRA045", "weights-left-out", _E, "The server reads files that the download omits."),
    )
}

EVERY = {BAD_INPUT.id: BAD_INPUT} | RULES
"""What a finding can be of."""
