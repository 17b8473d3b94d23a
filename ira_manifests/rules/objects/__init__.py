"""Rules of rendered objects, and of the output folder that holds them."""
