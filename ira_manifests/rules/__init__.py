"""Rules: what keeps a cell from working, or costs more than it should, found before it is applied.

`cells` looks at resolved cells, `workloads` and `directories` at rendered objects, `run` collects
and applies waivers. A finding is a value; nothing here raises for one.
"""
