"""Rules: what keeps a cell from working, or costs more than it should, found before it is applied.

`run` applies the rules of cells and waivers, `judge` the rules of rendered objects; `model_config`
and `token_file` look at the user's files. `catalogue` has every rule, `pages` its text. A finding
is a value (`finding`); nothing here raises for one.
"""
