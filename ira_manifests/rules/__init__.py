"""Rules: what keeps a cell from working, or costs more than it should, found before it is applied.

`check_cells` applies the rules of cells, `check_objects` those of rendered objects (`objects`),
which see a `view` of them, and `check_user_files` those of the user's files; then come `waivers`.
`registry` has every rule. A finding is a value (`finding`); nothing here raises for one.
"""
