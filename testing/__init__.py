"""What tests, tools and benchmarks share."""
