"""What the rules of objects see of a rendered directory, computed once."""
