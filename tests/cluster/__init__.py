"""A real control plane with simulated machines, for the tests that apply manifests."""
