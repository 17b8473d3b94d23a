"""The files of a new project: profiles, and what its users' tools read beside them."""
