"""Values that are secrets: which variables and options have them, and which texts are tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ira_manifests.vllm import given_options

HIDDEN = "not shown: a secret in plain text"
"""What is printed instead of such a value."""

# PUBLIC_KEY is none.
_NAMES = re.compile(r"(?:^|_)(?<!PUBLIC_)(?:TOKEN|KEY|SECRET|PASSWORD|PASSWD)$", re.IGNORECASE)
# https://huggingface.co/docs/hub/security-tokens: tokens begin so.
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}|<[^<>]*>")
# vllm/entrypoints/openai/cli_args.py (api_key) and vllm/config/model.py (hf_token).
_OPTIONS = frozenset({"--api-key", "--hf-token"})


def is_secret(name: str, text: str) -> bool:
    """Return whether the text of a variable is a secret, by the variable's name or its own form.

    A text that refers to another variable, such as `$(TOKEN)`, a placeholder and a path are none.
    """
    if not text or "$(" in text or _PLACEHOLDER.fullmatch(text):
        return False
    return bool(_TOKEN.search(text) or (_NAMES.search(name) and not text.startswith("/")))


def secret_words(words: Sequence[str], release: str) -> Iterator[tuple[int, str]]:
    """Yield the index of each argument of a server that holds a secret, and its option.

    The value is behind "=", or in the words after the option.
    """
    given = given_options(words, release)
    ends = [*(index for _, index in given[1:]), len(words)] if given else []
    for (option, start), end in zip(given, ends, strict=True):
        _, equals, value = words[start].partition("=")
        held = {start: value} if equals else {n: words[n] for n in range(start + 1, end)}
        for index, text in held.items():
            is_plain = bool(text) and "$(" not in text
            if is_plain and (option in _OPTIONS or _TOKEN.search(text)):
                yield index, option
