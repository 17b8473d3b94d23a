"""Rules of the files that the user fills in, in base/."""
