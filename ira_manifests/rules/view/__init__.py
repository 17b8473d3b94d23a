"""Rendered directories as the rules of objects read them, computed once."""
