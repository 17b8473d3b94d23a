"""A small tree of another author: a base and two overlays, healthy until a test edits it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support import Run, ira

BASE = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
  - service.yaml
"""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: vllm
spec:
  selector:
    matchLabels:
      app: vllm
  strategy:
    type: Recreate
  template:
    metadata:
      labels:
        app: vllm
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.26.0
          command: [vllm, serve]
          args:
            - --model=/gcs/$(MODEL_ID)
            - --tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)
            - --max-model-len=$(MAX_MODEL_LEN)
            - --gpu-memory-utilization=0.80
          env:
            - name: MODEL_ID
              valueFrom:
                configMapKeyRef: {name: runtime, key: MODEL_ID}
            - name: TENSOR_PARALLEL_SIZE
              valueFrom:
                configMapKeyRef: {name: runtime, key: TENSOR_PARALLEL_SIZE}
            - name: MAX_MODEL_LEN
              valueFrom:
                configMapKeyRef: {name: runtime, key: MAX_MODEL_LEN}
          ports:
            - containerPort: 8000
          readinessProbe:
            httpGet: {path: /health, port: 8000}
          volumeMounts:
            - {name: dshm, mountPath: /dev/shm}
            - {name: models, mountPath: /gcs}
      volumes:
        - name: dshm
          emptyDir: {medium: Memory}
        - name: models
          csi:
            driver: gcsfuse.csi.storage.gke.io
            volumeAttributes: {bucketName: acme-models}
"""

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: vllm
spec:
  selector:
    app: vllm
  ports:
    - port: 8000
"""

OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../base
nameSuffix: -SUFFIX
configMapGenerator:
  - name: runtime
    envs: [runtime.env]
labels:
  - includeSelectors: true
    pairs: {cell: SUFFIX}
patches:
  - path: node.yaml
"""

NODE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: vllm
spec:
  template:
    spec:
      nodeSelector:
        cloud.google.com/compute-class: CLASS
      containers:
        - name: server
          resources:
            limits:
              nvidia.com/gpu: "GPUS"
            requests: {cpu: "8", memory: 64Gi}
"""

ENV = """\
MODEL_ID=MODEL
TENSOR_PARALLEL_SIZE=GPUS
MAX_MODEL_LEN=LENGTH
"""

_OVERLAYS = {
    "h100-llama": {
        "CLASS": "gpu-h100-80gb-high-x4",
        "GPUS": "4",
        "MODEL": "meta-llama/Llama-3.3-70B-Instruct",
        "LENGTH": "32768",
    },
    "l4-gemma": {
        "CLASS": "gpu-l4-24gb-x8",
        "GPUS": "8",
        "MODEL": "google/gemma-3-27b-it",
        "LENGTH": "16384",
    },
}


def healthy() -> dict[str, str]:
    """Return the files of the healthy tree."""
    files = {
        "base/kustomization.yaml": BASE,
        "base/deployment.yaml": DEPLOYMENT,
        "base/service.yaml": SERVICE,
    }
    for name, values in _OVERLAYS.items():
        for file, text in (
            ("kustomization.yaml", OVERLAY),
            ("node.yaml", NODE),
            ("runtime.env", ENV),
        ):
            files[f"overlays/{name}/{file}"] = _filled(text, {"SUFFIX": name, **values})
    return files


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\b[A-Z]+\b", lambda word: values.get(word[0], word[0]), text)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files of a tree."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def edited(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """Write the healthy tree with edits: file, old text, new text."""
    files = healthy()
    for file, old, new in edits:
        text = files.get(file, "")
        assert old in text, (file, old)
        files[file] = text.replace(old, new, 1) if old else new
    return write(folder, files)


def lint(folder: Path, *arguments: str, **options: Any) -> Run:
    """Lint from a folder, as a user does."""
    return ira("lint", *(arguments or (".",)), cwd=folder, **options)


def found(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the findings as JSON has them."""
    run = lint(folder, "--format", "json", *(arguments or (".",)))
    assert run.returncode in (0, 1), run.stderr
    findings: list[dict[str, Any]] = json.loads(run.stdout)
    return findings


def told(folder: Path, *arguments: str) -> list[str]:
    """Return the findings as "file:line RULE"."""
    return [f"{each['file']}:{each['line']} {each['rule']}" for each in found(folder, *arguments)]
