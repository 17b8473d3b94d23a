"""Small trees of other authors, and what `import` makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ira_manifests import Cell, load_matrix
from tests.support import Run, ira

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat
  labels: {team: search}
spec:
  replicas: 2
  selector:
    matchLabels: {app: chat}
  strategy: {type: Recreate}
  template:
    metadata:
      labels: {app: chat, team: search}
    spec:
      serviceAccountName: reader
      priorityClassName: serving
      nodeSelector:
        cloud.google.com/compute-class: gpu-h100-80gb-high-x1
      tolerations:
        - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
      containers:
        - name: main
          image: vllm/vllm-openai:v0.19.0
          command: [vllm, serve]
          args:
            - /gcs/google/gemma-3-27b-it
            - --max-model-len
            - "32768"
            - --max-num-seqs=64
            - --gpu-memory-utilization=0.90
          env:
            - {name: VLLM_LOGGING_LEVEL, value: DEBUG}
            - name: OTEL_KEY
              valueFrom:
                secretKeyRef: {name: otel, key: api}
          resources:
            limits: {cpu: 10, memory: 128G, nvidia.com/gpu: 1}
          volumeMounts:
            - {name: dshm, mountPath: /dev/shm}
            - {name: models, mountPath: /gcs/google/gemma-3-27b-it, readOnly: true}
            - {name: templates, mountPath: /templates}
      volumes:
        - name: dshm
          emptyDir: {medium: Memory, sizeLimit: 128G}
        - name: models
          csi:
            driver: gcsfuse.csi.storage.gke.io
            volumeAttributes:
              bucketName: acme-models
              mountOptions: implicit-dirs,only-dir:google/gemma-3-27b-it
        - name: templates
          configMap: {name: templates}
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: chat
spec:
  selector: {app: chat}
  ports:
    - {port: 8000, targetPort: 8000}
"""


class Made(NamedTuple):
    """A run of `import`, the folder that it wrote, and its report."""

    run: Run
    folder: Path
    report: dict[str, Any]

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells of the profiles, by name."""
        return {cell.name: cell for cell in load_matrix(self.folder).values()}

    def differences(self, kind: str) -> dict[str, tuple[str, str]]:
        """Return the fields of a kind that differ: there, and here."""
        its = (each for each in self.report["differences"] if each["kind"] == kind)
        return {each["field"]: (each["there"], each["here"]) for each in its}

    @property
    def left(self) -> dict[str, str]:
        """What is not carried over, and why."""
        return {
            f"{each['owner']} {each['field']}".strip(): each["why"] for each in self.report["left"]
        }

    @property
    def texts(self) -> str:
        """All that was written and printed."""
        files = (file.read_text() for file in sorted(self.folder.rglob("*.yaml")))
        return "".join([*files, self.run.stdout, self.run.stderr])


def imported(tree: Path, *arguments: str) -> Made:
    """Import a tree as a user does from the folder around it."""
    run = ira("import", tree.name, "--out", "made", "--json", *arguments, cwd=tree.parent)
    assert run.returncode in (0, 1), run.stderr
    return Made(run, tree.parent / "made", json.loads(run.stdout))


def flat(folder: Path, *edits: tuple[str, str], more: str = "") -> Path:
    """Write a Deployment and a Service into a folder of manifests, the Deployment with edits.

    `more`: further documents.
    """
    text = DEPLOYMENT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    tree = folder / "tree"
    tree.mkdir()
    (tree / "deployment.yaml").write_text(text)
    (tree / "service.yaml").write_text(f"{SERVICE}{more}")
    return tree
