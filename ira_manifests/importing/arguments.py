"""The options and the variables of a server as fields of a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ira_manifests.importing.effective import read_by_arguments
from ira_manifests.importing.reading import Found
from ira_manifests.importing.sizes import OPTIONS, Say
from ira_manifests.kustomizations.names import without_hash
from ira_manifests.layout import MOUNT_ROOT, mount_path
from ira_manifests.lint.placeholders import UNKNOWN, has_placeholder
from ira_manifests.profiles.env import CONSTRUCTS
from ira_manifests.profiles.secrets import is_secret, secret_words
from ira_manifests.rules.view.plain import mapping
from ira_manifests.vllm.command_line import given_options
from ira_manifests.vllm.draining import OPTION as SHUTDOWN

_TOLD = "a secret in plain text: it is not copied; keep it in a Secret, and name that in env"
_HOST = {"--host": ("0.0.0.0", "::"), "--port": ("8000",)}  # noqa: S104  what is left out
_DRAFT = ("method", "num_speculative_tokens", "draft_tensor_parallel_size", "prompt_lookup_min",
          "prompt_lookup_max")  # fmt: skip


def arguments(found: Found, say: Say) -> dict[str, Any]:
    """Return the fields that the server's options are, the rest of them as `args`."""
    given = dict(found.server.settings)
    fields = {**_names(found, given), **_parsers(given), **_files(found, given)}
    fields |= {**_adapters(given), **_speculation(given)}
    used = {option for option, field in _FIELDS.items() if field in fields}
    used |= {*OPTIONS, "--trust-remote-code", "--served-model-name", SHUTDOWN}
    used |= {option for option, texts in _HOST.items() if given.get(option) in texts}
    used |= {"--enable-auto-tool-choice"} if "tool_call_parser" in fields else set()
    used |= {"--enable-lora"} if "lora_adapters" in fields else set()
    words = [word for words in _others(found, used, say) for word in words]
    return {**fields, **({"args": words} if words else {})}


_FIELDS = {
    "--chat-template": "chat_template",
    "--lora-modules": "lora_adapters",
    "--max-lora-rank": "max_lora_rank",
    "--max-loras": "max_loras",
    "--reasoning-parser": "reasoning_parser",
    "--speculative-config": "speculative",
    "--tool-call-parser": "tool_call_parser",
}


def _names(found: Found, given: Mapping[str, str]) -> dict[str, Any]:
    names = given.get("--served-model-name", "").split()
    usual = {found.model_id, mount_path(found.model_id)}
    return {} if not names or set(names) == usual else {"served_model_names": names}


def _parsers(given: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if given.get("--enable-auto-tool-choice") == "true" and "--tool-call-parser" in given:
        fields["tool_call_parser"] = given["--tool-call-parser"]
    if "--reasoning-parser" in given:
        fields["reasoning_parser"] = given["--reasoning-parser"]
    return fields


def _files(found: Found, given: Mapping[str, str]) -> dict[str, Any]:
    template = given.get("--chat-template", "")
    if not template.startswith("/"):
        return {}
    return {"chat_template": template.removeprefix(f"{mount_path(found.model_id)}/")}


def _adapters(given: Mapping[str, str]) -> dict[str, Any]:
    pairs = [each.partition("=")[::2] for each in given.get("--lora-modules", "").split()]
    if not pairs or not all(path.startswith(f"{MOUNT_ROOT}/") for _, path in pairs):
        return {}
    adapters = [
        {"name": name, "model_id": path.removeprefix(f"{MOUNT_ROOT}/")} for name, path in pairs
    ]
    numbers = {_FIELDS[each]: given.get(each, "") for each in ("--max-loras", "--max-lora-rank")}
    whole = {name: int(text) for name, text in numbers.items() if text.isdecimal()}
    return {"lora_adapters": adapters, **whole}


def _speculation(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the field of speculative decoding, if it has all of the option's keys."""
    try:
        keys = dict(json.loads(given.get("--speculative-config", "")))
    except (TypeError, ValueError):
        return {}
    model = str(keys.pop("model", ""))
    if not keys.keys() <= set(_DRAFT):
        return {}
    draft = {"model_id": model.removeprefix(f"{MOUNT_ROOT}/")} if model else {}
    return {"speculative": {**keys, **draft}}


def _others(found: Found, used: set[str], say: Say) -> Iterator[list[str]]:
    """Yield the words of each option that is no field."""
    words, release = found.server.command.words, found.server.command.release
    secret = {index for index, _ in secret_words(words, release)}
    given = given_options(words, release)
    ends = [*(index for _, index in given[1:]), len(words)] if given else []
    for (option, start), end in zip(given, ends, strict=True):
        its = list(words[start:end])
        if option in used:
            continue
        if secret & {*range(start, end)}:
            say(option, _TOLD)
        elif any(UNKNOWN in word for word in its):
            say(option, "its value is not known")
        else:
            is_pair = len(its) == 2 and "=" not in its[0]  # noqa: PLR2004
            yield [f"{its[0]}={its[1]}"] if is_pair else its


def variables(found: Found, say: Say) -> dict[str, Any]:
    """Return the field `env`, without the variables that the arguments alone read."""
    container = found.server.container
    known, only = found.view.environment(container), read_by_arguments(container)
    fields: dict[str, Any] = {}
    for name, text in known.items():
        if name in only or name in CONSTRUCTS:
            continue
        if is_secret(name, text) and not has_placeholder(text):
            say(f"env {name}", _TOLD)
        elif has_placeholder(text):
            say(f"env {name}", "its value is not known")
        else:
            fields[name] = text
    for item in container.env:
        name = str(item.get("name"))
        if name not in known and "value" not in item and name not in only:
            fields |= _source(name, mapping(item.get("valueFrom")), say)
    for each in container.env_from:
        if "secretRef" in each:
            say("envFrom", "profiles name each key of a Secret in env")
    return {"env": fields} if fields else {}


def _source(name: str, source: Mapping[str, Any], say: Say) -> dict[str, Any]:
    for kind, field in (("secretKeyRef", "secret"), ("configMapKeyRef", "config_map")):
        given = mapping(source.get(kind))
        if given:
            optional = {"optional": True} if given.get("optional") else {}
            of = without_hash(str(given.get("name")))
            return {name: {field: of, "key": given.get("key"), **optional}}
    say(f"env {name}", "profiles take texts, and keys of Secrets and ConfigMaps")
    return {}
