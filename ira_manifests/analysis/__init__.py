"""What a cell needs, what would make it work, and where its values come from."""
