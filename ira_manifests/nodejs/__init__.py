"""Finds, starts and stops Node.js for cdk8s."""
