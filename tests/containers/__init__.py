"""What runs inside the containers, run here: scripts by their own shells, a Hub on loopback."""
