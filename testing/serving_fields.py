"""Profiles with every serving field that has no object of its own."""

from __future__ import annotations

from pathlib import Path

from testing.project import copy_edited

# What Pod Security `restricted` asks of a container.
_RESTRICTED = (
    "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsNonRoot: true, "
    "runAsUser: 1000}"
)
_FIELDS = """replicas: 2
    strategy: {type: rolling-update, max_unavailable: 1, min_ready_seconds: 1}
    topology_spread:
      - {topology_key: topology.kubernetes.io/zone, when_unsatisfiable: DoNotSchedule}
    priority_class: serving
    image_pull_secrets: [registry]
    node_selector: {cloud.google.com/gke-os-distribution: cos}
    labels: {team: search}
    annotations: {example.com/owner: search}
    pod_labels: {tier: gpu}
    pod_annotations: {example.com/restarted: "true"}
    service_labels: {exposed: inside}
    service_annotations: {example.com/dns: chat}
    served_model_names: [chat]
    chat_template: chat_template.jinja
    tool_call_parser: pythonic
    reasoning_parser: qwen3
    lora_adapters: [{name: sql, model_id: acme/sql-lora}]
    max_loras: 2
    max_lora_rank: 32
    speculative: {method: ngram, num_speculative_tokens: 4, prompt_lookup_max: 4}
    args: [--enable-prefix-caching]
    env:
      VLLM_LOGGING_LEVEL: DEBUG
      VLLM_API_KEY: {secret: vllm-api-key, key: token}
      EXTRA: {config_map: extra, key: value, optional: true}
    volumes: [{name: extra, configMap: {name: extra, optional: true}}]
    volume_mounts: [{name: extra, mountPath: /extra, readOnly: true}]
    containers:
      - name: shipper
        image: fluent/fluent-bit:4.1.0
        securityContext: RESTRICTED
    init_containers:
      - {name: prepare, image: "busybox:1.37.0", securityContext: RESTRICTED}
      - name: proxy
        image: envoyproxy/envoy:v1.36.0
        restartPolicy: Always
        securityContext: RESTRICTED
    patches:
      - kind: Deployment
        strategic_merge:
          spec: {template: {spec: {dnsConfig: {options: [{name: ndots, value: "2"}]}}}}
      - kind: Service
        json_patch: [{op: add, path: /spec/sessionAffinity, value: ClientIP}]
    tensor_parallel: 1"""
"""Every serving field, in place of the cell's first line."""


def with_every_field(folder: Path) -> Path:
    """Copy the reference's profiles, and give the cell h100/gemma3-27b every field."""
    fields = _FIELDS.replace("RESTRICTED", _RESTRICTED)
    return copy_edited(folder, "h100/gemma3-27b", ("tensor_parallel: 1", fields))
