"""Rehearses the walkthrough on this machine: Pods, probes, and a stand-in for vLLM's server."""
