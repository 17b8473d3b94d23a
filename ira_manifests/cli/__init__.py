"""The command line: parse, call, print, exit. 0 is fine, 1 is findings, 2 is bad input."""
