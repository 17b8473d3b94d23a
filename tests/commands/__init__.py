"""Runs the blocks of shell commands of all pages."""
