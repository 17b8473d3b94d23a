"""The constructs beside a workload that its cell's profiles ask for, as the workload's children."""

from __future__ import annotations

from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs.autoscaling import Autoscaling
from ira_manifests.constructs.disruption_budget import DisruptionBudget
from ira_manifests.constructs.inference_gateway import InferenceGateway
from ira_manifests.constructs.monitoring import Monitoring
from ira_manifests.constructs.network_access import NetworkAccess


def add_companions(workload: ModelServer) -> None:
    """Add the constructs of the fields that the cell sets, each under the name of its class."""
    given = workload.cell.settings
    for construct, settings in (
        (Autoscaling, given.autoscaling),
        (DisruptionBudget, given.disruption_budget),
        (NetworkAccess, given.network_access),
        (Monitoring, given.monitoring),
        (InferenceGateway, given.gateway),
    ):
        if settings is not None:
            construct(workload, construct.__name__, workload=workload)
