"""Files that are not one YAML document of plain values."""

from __future__ import annotations

from tests.bad_profiles.case import TINY, Case, more, tiny, whole

_NO_UTF8 = "is not UTF-8 text; save the file as UTF-8"

CASES: list[Case] = [
    whole("not_utf8", b"# caf\xe9\n" + TINY.encode(), f"1:6: {_NO_UTF8}"),
    whole("utf16", b"\xff\xfe" + TINY.encode("utf-16-le"), f"1:1: {_NO_UTF8}"),
    whole("empty_file", "", "1:1: is empty"),
    whole("only_comments", "# nothing yet\n", "1:1: is empty"),
    whole(
        "control_character",
        "model_id: acme/tiny\x01\n",
        "1:20: is not YAML: control characters are not allowed",
    ),
    whole(
        "not_yaml",
        "model_id: [acme/tiny-1b\ncells: }\n",
        "2:6: is not YAML: while parsing a flow sequence did not find expected ',' or ']'",
    ),
    whole(
        "tab_for_a_space",
        "model_id: acme/tiny-1b\ncells:\n\th100: {}\n",
        "3:1: is not YAML: while scanning for the next token found character that cannot start any "
        "token",
    ),
    whole("list_for_a_file", "- model_id\n", "1:1: is a list; it must be a mapping (key: value)"),
    whole(
        "list_for_a_mapping",
        "model_id: acme/tiny-1b\ncells:\n  - h100\n",
        "3:3: cells: is a list; it must be a mapping (key: value)",
    ),
    whole(
        "nested_without_end",
        f"model_id: {'[' * 3000}\n",
        "1:31: model_id[0][0]: is nested more than 20 levels deep",
    ),
    # Nine levels of nine: 387 million values, were they read.
    whole(
        "alias_bomb",
        """\
a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]
i: &i [*h, *h, *h, *h, *h, *h, *h, *h, *h]
""",
        "2:8: b[0]: is the alias *a; aliases are not read, write the value out",
    ),
    tiny(
        "two_documents",
        more("---\nmodel_id: acme/other"),
        "9:1: begins a second YAML document; a profile is one document",
    ),
    tiny(
        "python_object",
        {"acme/tiny-1b": "!!python/object/apply:os.system [id]"},
        "1:11: model_id: has the tag tag:yaml.org,2002:python/object/apply:os.system; tags are not "
        "read",
        "1:11: model_id: is a list; it must be text in quotes",
    ),
    tiny(
        "duplicate_key",
        more("    cpu: 12"),
        "9:5: cells.h100.cpu: is a duplicate key, first on line 5; keep one of the two",
    ),
    tiny(
        "cell_twice",
        more("  h100:\n    cpu: 12"),
        "9:3: cells.h100: is a duplicate key, first on line 3; keep one of the two",
    ),
]
