"""Files that are not one YAML document of plain values."""

from __future__ import annotations

from tests.bad_profiles.case import TINY, Case, more, tiny, whole

_NO_UTF8 = "is not UTF-8 text; save the file as UTF-8"

_TAB = "is not YAML: has a tab where spaces are needed"
_NO_COLON = "is not YAML: a ': ' is missing after the key; write key: value"
_MISPLACED = "is not YAML: the indentation of {} fits no level above"

CASES: list[Case] = [
    whole("not_utf8", b"# caf\xe9\n" + TINY.encode(), f"1:6: {_NO_UTF8}"),
    whole("utf16", b"\xff\xfe" + TINY.encode("utf-16-le"), f"1:1: {_NO_UTF8}"),
    whole("empty_file", "", "1:1: is empty; write the fields of the profile, or remove the file"),
    whole(
        "only_comments",
        "# nothing yet\n",
        "1:1: is empty; write the fields of the profile, or remove the file",
    ),
    whole(
        "control_character",
        "model_id: acme/tiny\x01\n",
        "1:20: is not YAML: control characters are not allowed",
    ),
    whole(
        "not_yaml",
        "model_id: [acme/tiny-1b\ncells: }\n",
        "1:11: is not YAML: the [ has no closing ], or a ',' between its items",
    ),
    whole(
        "tab_for_a_space",
        "model_id: acme/tiny-1b\ncells:\n\th100: {}\n",
        f"3:1: {_TAB}",
    ),
    tiny("tab_in_a_cell", {"    cpu": "\tcpu"}, f"5:1: {_TAB}"),
    tiny("no_colon", {"cpu: 10": "cpu 10"}, f"5:5: {_NO_COLON}"),
    tiny(
        "no_colon_before_the_first_key",
        {"tensor_parallel: 1": "tensor_parallel 1"},
        f"4:5: {_NO_COLON}",
    ),
    tiny("no_colon_at_the_end", {"len: 8192": "len 8192"}, f"8:5: {_NO_COLON}"),
    tiny("no_colon_after_a_gpu", {"h100:": "h100"}, f"3:3: {_NO_COLON}"),
    tiny(
        "no_space_after_a_colon",
        {"cpu: 10": "cpu:10"},
        "5:5: is not YAML: a space is missing after the ':' of the key",
    ),
    tiny("too_few_spaces", {"    cpu": "   cpu"}, f"5:4: {_MISPLACED.format('3 spaces')}"),
    tiny("too_many_spaces", {"    cpu": "      cpu"}, f"5:7: {_MISPLACED.format('6 spaces')}"),
    tiny("one_space", {"    cpu": " cpu"}, f"5:2: {_MISPLACED.format('1 space')}"),
    tiny(
        "item_before_its_list",
        more("    args:\n      - --a=1\n     - --b"),
        f"11:6: {_MISPLACED.format('5 spaces')}",
    ),
    tiny(
        "item_among_keys",
        more("    - h200"),
        "9:5: is not YAML: is a list item where a key is expected",
    ),
    tiny(
        "key_among_items",
        more("    args:\n      - --a=1\n      cpu: 1"),
        "11:7: is not YAML: is no list item; begin it with '- ', or indent it as the list's key",
    ),
    tiny("quote_without_end", {"128G": '"128G'}, '6:13: is not YAML: the " has no closing "'),
    tiny(
        "sign_that_begins_no_value",
        {"cpu: 10": "cpu: @10"},
        "5:10: is not YAML: a value can't begin with '@'; put it in quotes",
    ),
    tiny(
        "two_colons",
        {"acme/tiny-1b": "acme: tiny"},
        "1:15: is not YAML: the value holds a ': '; put it in quotes",
    ),
    tiny(
        "merge_conflict",
        {"    cpu: 10\n": "<<<<<<< HEAD\n    cpu: 10\n=======\n    cpu: 9\n>>>>>>> x\n"},
        "5:1: is not YAML: holds a mark of a merge conflict; resolve it",
    ),
    tiny(
        "unknown_escape",
        {"128G": '"\\q"'},
        "6:14: is not YAML: while parsing a quoted scalar found unknown escape character",
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
