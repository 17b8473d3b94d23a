"""The source of each value of a directory: a line of a profile, or a reason of a construct."""
