"""What another release of vLLM changes: its options and metrics, and each cell. Pure.

find, chosen    the lines of profiles that name a release, and those that are to change
edited          their files with another release, comments kept
compare         the cells of the profiles before and after, and their releases
"""

from ira_manifests.upgrading.cells import CellUpgrade, Side, Upgrade, compare
from ira_manifests.upgrading.edits import Edited, edited, files_of
from ira_manifests.upgrading.pins import Pin, Wanted, chosen, find, require_own
from ira_manifests.upgrading.releases import Metric, Moved, Releases

__all__ = [
    "CellUpgrade",
    "Edited",
    "Metric",
    "Moved",
    "Pin",
    "Releases",
    "Side",
    "Upgrade",
    "Wanted",
    "chosen",
    "compare",
    "edited",
    "files_of",
    "find",
    "require_own",
]
