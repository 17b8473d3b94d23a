"""Pictures of the documentation, as SVG text: what the profiles and the output say, drawn.

`svg` has shapes and text, `palette` the colours of both themes. Each other module draws one kind of
picture from values of the package, and reads no file; `__main__` writes them to docs/pictures/.
"""
