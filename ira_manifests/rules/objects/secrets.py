"""Rules of secrets in rendered objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.profiles.secrets import is_secret
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.variables import in_plain_text
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.rendered import View

# Such as HF_TOKEN, nvapi-KEY and $HF_TOKEN: a name where the author's readers write the secret.
_NAME = re.compile(r"(?:[a-z]+-)?[A-Z][A-Z_-]{2,}|\$[A-Za-z_]\w*")
# What clients of a server without a key must send, and a value that a switch has.
_NONE = re.compile(
    r"(?:sk-)?(?:dummy|empty|none|null|n/?a|unused|fake|not[-_ ]?(?:needed|used|required))\b.*"
    r"|x+|0|1|true|false|yes|no",
    re.IGNORECASE,
)
# A key of another kind is a name, such as META_KEY and ROUTING_KEY.
_KEY = re.compile(
    r"(?:^|_)(?:ACCESS|API|AUTH|ENCRYPTION|MASTER|PRIVATE|SECRET|SIGNING)_KEY$", re.IGNORECASE
)
_NAME_OF_SECRET = re.compile(r"[a-z0-9.-]+-secrets?")


def _is_none(name: str, value: str) -> bool:
    """Return whether a value that is secret by its variable's name is none by its own form."""
    if name.upper().endswith("KEY") and not _KEY.search(name):
        return not value.startswith("hf_")
    if name.upper().endswith("TOKEN") and value.isdecimal():
        return True  # such as the bytes of each token
    if name.upper().endswith("CLUSTER_TOKEN"):
        return True  # etcd's name for a cluster: https://etcd.io/docs/latest/op-guide/configuration
    of_object = name.upper().endswith("SECRET") and _NAME_OF_SECRET.fullmatch(value)
    return bool(of_object or _NAME.fullmatch(value) or _NONE.fullmatch(value))


@rule("IRA065", "secret-in-plain-text", Severity.ERROR, DIRECTORY, Needs.PART)
def secret_in_plain_text(view: View) -> Iterator[Finding]:
    """A secret is in plain text, and would be committed.

    A variable whose name ends in TOKEN, KEY, SECRET or PASSWORD, such as `HF_TOKEN` and
    `VLLM_API_KEY`, has its value in the profile or in a container, or an argument has one:
    `--api-key=…`, `--hf-token=…`, or a text that looks like a Hugging Face token. Who can read the
    repository, or the Deployment in the cluster, can read it. Let the variable be read from a
    Secret: `VLLM_API_KEY: {secret: vllm-api-key, key: token}` in `env`; the server reads both
    variables without an argument. No message and no command prints the value. A path, and a text
    that refers to another variable as `$(NAME)`, are not judged; nor, in trees of other authors,
    what stands for no secret, such as `dummy` and `EMPTY`.
    """
    for container in view.containers:
        for index, item in enumerate(container.env):
            name = str(item.get("name"))
            value = str(item.get("value") or "")
            if is_secret(name, value) and (view.own or not _is_none(name, value)):
                place = (*container.path, "env", index, "value")
                hint = "read it from a key of a Secret, and revoke what was committed"
                yield view.finding(container.file, place, in_plain_text(name), hint)
