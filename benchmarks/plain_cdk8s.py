"""A plain cdk8s app in Python, for comparison: `plain_cdk8s.py OBJECTS OUT`.

OBJECTS is JSON: {"directory": [object, ...], ...}. Each directory is a chart; each object is an
`ApiObject` with a `JsonPatch`, and becomes a file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cdk8s import ApiObject, App, Chart, JsonPatch, YamlOutputType

objects, out = sys.argv[1:]
app = App(outdir=out, yaml_output_type=YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE)
for directory, manifests in json.loads(Path(objects).read_text("utf-8")).items():
    chart = Chart(app, directory, disable_resource_name_hashes=True)
    for manifest in manifests:
        kind = manifest["kind"]
        created = ApiObject(
            chart,
            kind,
            api_version=manifest["apiVersion"],
            kind=kind,
            metadata=manifest["metadata"],
        )
        for key in manifest.keys() - {"apiVersion", "kind", "metadata"}:
            created.add_json_patch(JsonPatch.add(f"/{key}", manifest[key]))
app.synth()
