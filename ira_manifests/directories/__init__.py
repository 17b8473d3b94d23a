"""The directories of the output as values: rendered objects and what makes a directory of them.

Pure: the objects come from cdk8s, or from `constructs.manifests`.
"""

from ira_manifests.directories.assembled import base, download, model_download, of_cell
from ira_manifests.directories.shared import shared, with_owners

__all__ = ["base", "download", "model_download", "of_cell", "shared", "with_owners"]
