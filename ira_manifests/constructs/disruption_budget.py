"""`DisruptionBudget`: limits how many Pods of a workload evictions may take at once."""

from __future__ import annotations

from ira_manifests.constructs._beside import Beside, cell_of, settings_of
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import ApiObject, Construct
from ira_manifests.constructs.manifests import disruption_budget as manifests
from ira_manifests.profiles import serving_objects as profiles


class DisruptionBudget(Beside):
    """A PodDisruptionBudget of a workload.

    Objects: PodDisruptionBudget (id "Default").

    `workload`: the workload; its selector is read when it is rendered.
    `max_unavailable`, `min_available`: exactly one of the two, a number of Pods or a share such as
    "50%". Default: those of the cell's `disruption_budget`.

    Raises `InputError` for a wrong value, and for none or both.
    """

    settings: profiles.DisruptionBudget
    """What the options and the cell's profiles set."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        workload: ModelServer,
        max_unavailable: int | str | None = None,
        min_available: int | str | None = None,
    ) -> None:
        cell = cell_of(scope, id, workload)
        given = {"max_unavailable": max_unavailable, "min_available": min_available}
        chosen = (max_unavailable, min_available) != (None, None)
        of_cell = None if chosen else cell.settings.disruption_budget
        settings = settings_of(scope, id, profiles.DisruptionBudget, of_cell, given)
        super().__init__(scope, id, workload, settings, manifests.objects)

    @property
    def budget(self) -> ApiObject:
        """The PodDisruptionBudget."""
        return self._object("Default")
