"""Rules find what would break a cell, or cost more than it should, before it is applied.

A rule is one function that registers itself (`registry`) and yields `Finding`s (`finding`). Rules
are grouped by what they check: `cells` (the platform and resolved cells), `objects` (rendered
directories and the output folder) and `user_files` (the files that the user edits in `base/`).
`check_cells`, `check_objects` and `check_user_files` run them; `waivers` applies the profiles'
waivers.
"""
