"""What decides the number of a workload's Pods: a request for queued capacity or an autoscaler."""

from __future__ import annotations

from weakref import WeakKeyDictionary, WeakSet

from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import Construct

consumers: WeakSet[ModelServer] = WeakSet()
"""Workloads that consume a ProvisioningRequest."""

scalers: WeakKeyDictionary[ModelServer, Construct] = WeakKeyDictionary()
"""Autoscalers by their workloads."""


def is_scaled(workload: ModelServer) -> bool:
    """Return whether a workload has an autoscaler, unless that was removed from its chart since."""
    scaler = scalers.get(workload)
    if scaler is None or scaler.node.scope is None:
        return False
    return any(each is scaler for each in scaler.node.scope.node.children)
