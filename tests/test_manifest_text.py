"""Manifests as text: this package's faster writer gives the same bytes as PyYAML."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ira_manifests.output import yaml_text
from tests.support import examples

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet=" \n\t\r:#-?'\"|>.{}[]&*!%@`,\\ab1~é\u2028\x85\ufeff", max_size=10),
    st.sampled_from(["yes", "1e3", "...", "---", "a\n\n", " a\n", "a\nb", "a" * 200]),
)
SCALARS = st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.floats())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=15,
)


@examples(500)
@given(VALUES)
def test_the_text_is_what_pyyaml_writes(value: Any) -> None:
    expected = yaml.dump(
        value,
        Dumper=yaml_text._Dumper,  # noqa: SLF001  the representers are part of the format
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=1 << 20,
    )

    assert yaml_text.dump(value) == expected
