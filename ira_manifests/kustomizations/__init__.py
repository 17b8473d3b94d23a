"""Kustomizations and manifests of any author: found, read, built, and traced to their files.

    search.find          which kustomizations, files and streams there are below some paths
    build.build          what real kubectl or kustomize makes of each, from a safe copy
    places.Places        the file, line and column that decide a field of what was built

The trees are untrusted: files are bounded in size, links and cycles are followed with care, and no
plugin runs. Nothing here knows a rule.
"""
