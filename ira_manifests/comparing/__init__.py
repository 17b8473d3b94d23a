"""What two outputs do differently to a cluster. Pure: directories and cells -> changes.

`fields` compares two objects, `effects` says what the API server and the controllers do about a
field, `directories` compares directories, `cells` the machines and the memory of cells.
"""

from ira_manifests.comparing.cells import CellChange, Counts, Facts
from ira_manifests.comparing.comparison import Comparison, OfEnvironment, Side, compare
from ira_manifests.comparing.directories import DirectoryChange, FieldChange, ObjectChange
from ira_manifests.comparing.effects import Effect
from ira_manifests.comparing.fields import Difference

__all__ = [
    "CellChange",
    "Comparison",
    "Counts",
    "Difference",
    "DirectoryChange",
    "Effect",
    "Facts",
    "FieldChange",
    "ObjectChange",
    "OfEnvironment",
    "Side",
    "compare",
]
