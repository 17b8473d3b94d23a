"""Rules of the files that the user edits in base/."""
