"""Rules: what keeps a cell from working, or costs more than it should, found before it is applied.

A rule is one function that registers itself (`registry`) and yields `Finding`s (`finding`). Rules
are grouped by what they look at: `cells` (the platform and resolved cells), `objects` (rendered
directories and the output folder) and `user_files` (what the user writes in `base/`). They are run
by `check_cells`, `check_objects` and `check_user_files`; `waivers` applies the waivers of profiles.
"""
