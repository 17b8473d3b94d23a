"""The walkthrough on this machine: its Pods, their probes, and a stand-in for vLLM's server."""
