"""Directories as files: their YAML, what the output folder holds, and one writer of it."""
