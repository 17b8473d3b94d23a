"""Profiles with every object beside the Deployment that a cell can have."""

from __future__ import annotations

from pathlib import Path

from testing.project import copy_edited

FIELDS = """\
autoscaling: {min: 2, max: 4, target: 8, scale_down_seconds: 600}
    monitoring: {kind: KIND, interval_seconds: 30}
    disruption_budget: {max_unavailable: 1}
    network_access:
      peers:
        - namespace: chat
        - namespace: batch
          pods: {app: evaluation}
        - pods: {app: web}
        - cidr: 10.1.0.0/16
    gateway:
      name: inference
      namespace: gateways
      listener: https
      hostnames: ["{model}.example.com"]
      priority: 5
      proxy_ranges: [10.2.0.0/23]
    tensor_parallel: 4"""
"""Fields of the cell h100/llama3, in place of its first line."""


def with_every_object(folder: Path, monitoring: str = "google") -> Path:
    """Copy the reference's profiles, and give the cell h100/llama3 every object.

    `monitoring`: the kind of monitoring.
    """
    fields = FIELDS.replace("KIND", monitoring)
    return copy_edited(folder, "h100/llama3", ("tensor_parallel: 4", fields))
