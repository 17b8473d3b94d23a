"""`$(NAME)` is expanded as the kubelet does it."""

from __future__ import annotations

import pytest

from ira_manifests.kubernetes.expansion import expand, references

VARIABLES = {"A": "1", "B": "2", "EMPTY": "", "REFERENCE": "$(A)"}

# Behaviours that kubernetes/kubernetes pins in third_party/forked/golang/expansion/expand_test.go.
CASES = {
    "a name": ("$(A)", "1"),
    "names between text": ("x$(A)y$(B)z", "x1y2z"),
    "an empty value": ("x$(EMPTY)y", "xy"),
    "an unknown name": ("$(C)", "$(C)"),
    "an escaped reference": ("$$(A)_$(A)", "$(A)_1"),
    "an even number of signs": ("$$$$(A)", "$$(A)"),
    "an odd number of signs": ("$$$$$(A)", "$$1"),
    "a value that is a reference": ("$(REFERENCE)", "$(A)"),
    "a reference inside another": ("$(A$(B))", "$(A$(B))"),
    "a backslash, which escapes nothing": ("\\$(A)", "\\1"),
    "a shell's reference": ("${A} $A", "${A} $A"),
    "a shell's special variables": ("$?_$!", "$?_$!"),
    "a reference without an end": ("$(A)_$(B", "1_$(B"),
    "openings in a row": ("--$($($(--", "--$($($(--"),
    "a sign at the end": ("$(A)$", "1$"),
    "signs inside a name": ("$(A$$B)", "$(A$$B)"),
    "a sign before a reference and a letter": ("$x$(A)", "$x1"),
}


@pytest.mark.parametrize(("text", "expanded"), CASES.values(), ids=CASES)
def test_text_is_expanded_as_by_kubernetes(text: str, expanded: str) -> None:
    assert expand(text, VARIABLES) == expanded


@pytest.mark.parametrize(
    ("text", "names"),
    [("$(A)-$(C)", ["A", "C"]), ("$$(A)", []), ("$$$(A)", ["A"]), ("${A} $A", []), ("$()", [""])],
)
def test_the_names_are_those_that_would_be_expanded(text: str, names: list[str]) -> None:
    assert references(text) == names
