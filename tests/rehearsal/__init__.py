"""A rehearsal of the walkthrough on one machine: the real scripts, mounts and probes of dist/."""
