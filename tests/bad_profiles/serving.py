"""Serving fields: replicas, labels, environment variables."""

from __future__ import annotations

from tests.bad_profiles.case import Case, more, tiny

_OURS = (
    "is set by the constructs, as are app.kubernetes.io/component, app.kubernetes.io/instance, "
    "app.kubernetes.io/managed-by, app.kubernetes.io/name, app.kubernetes.io/part-of, "
    "app.kubernetes.io/version, ira-manifests/bucket; choose another key"
)


def _cell(name: str, text: str, *expected: str) -> Case:
    return tiny(name, more(text), *expected)


CASES = [
    _cell(
        "no_replicas",
        "    replicas: 0\n",
        "9:15: cells.h100.replicas: is the number 0; it must be more than 0",
    ),
    _cell(
        "names_and_files_of_no_model",
        "    served_model_names: ['', -x]\n    chat_template: ../a.jinja\n"
        "    tool_call_parser: a b\n",
        "9:26: cells.h100.served_model_names[0]: '' is not a model's name such as gemma",
        "9:30: cells.h100.served_model_names[1]: '-x' is not a model's name such as gemma",
        "10:20: cells.h100.chat_template: '../a.jinja' is not a file such as "
        "chat_template.jinja or /vllm-workspace/examples/tools.jinja",
        "11:23: cells.h100.tool_call_parser: 'a b' is not a parser such as hermes",
    ),
    _cell(
        "names_as_a_flag",
        "    args: [--served-model-name=a]\n",
        "9:12: cells.h100.args[0]: '--served-model-name=a' can't be set in args: set "
        "served_model_names",
    ),
    _cell(
        "flag_beside_its_field",
        "    args: [--seed=1, --tool-call-parser=hermes]\n    tool_call_parser: hermes\n",
        "9:22: cells.h100.args[1]: sets --tool-call-parser, as tool_call_parser does; keep one",
    ),
    _cell(
        "former_name_of_args",
        "    flags: [--seed=1]\n",
        "9:5: cells.h100.flags: is an unknown key; did you mean 'args'?",
    ),
    _cell(
        "label_of_the_selector",
        "    labels: {app.kubernetes.io/name: mine}\n",
        f"9:14: cells.h100.labels.app.kubernetes.io/name: 'app.kubernetes.io/name' {_OURS}",
    ),
    _cell(
        "variable_of_the_construct",
        "    env: {MODEL_ID: mine, PYTHONPATH=: a}\n",
        "9:11: cells.h100.env.MODEL_ID: 'MODEL_ID' can't be set in env: set model_id",
        "9:27: cells.h100.env.PYTHONPATH=: 'PYTHONPATH=' is not a variable's name such as "
        "VLLM_LOGGING_LEVEL",
    ),
    _cell(
        "variable_of_the_engine",
        "    env: {VLLM_PORT: 9000, CUDA_VISIBLE_DEVICES: '0'}\n",
        "9:11: cells.h100.env.VLLM_PORT: 'VLLM_PORT' can't be set in env: it is not the port of "
        "the API, which is 8000, but of the engine's own processes",
        "9:28: cells.h100.env.CUDA_VISIBLE_DEVICES: 'CUDA_VISIBLE_DEVICES' can't be set in env: "
        "the node gives the container its GPUs; set tensor_parallel and pipeline_parallel",
    ),
    _cell(
        "stray_value_before_the_options",
        "    args: ['64', --seed, '1']\n",
        "9:12: cells.h100.args[0]: '64' is a value without an option; the first word of args is an "
        "option such as --max-num-seqs=256",
    ),
    _cell(
        "options_of_fields_in_other_forms",
        "    args: [--seed, '-1', --max-model-l, '9', --tool_call_pars=hermes]\n"
        "    tool_call_parser: hermes\n",
        "9:26: cells.h100.args[2]: '--max-model-l' can't be set in args: set max_model_len",
        "9:46: cells.h100.args[4]: sets --tool-call-parser, as tool_call_parser does; keep one",
    ),
    _cell(
        "variable_that_is_a_truth_value",
        "    env:\n      A: true\n      B:\n      C: [1]\n",
        "10:10: cells.h100.env.A: is true; write the text of the variable in quotes",
        "11:9: cells.h100.env.B: is empty; write the text of the variable in quotes",
        "12:10: cells.h100.env.C: is a list; it must be text in quotes",
    ),
    _cell(
        "rollout_that_replaces_nothing",
        "    strategy: {type: rolling-update, max_unavailable: 0}\n",
        "9:15: cells.h100.strategy: has max_surge and max_unavailable of 0; one of them must be "
        "above 0",
    ),
    _cell(
        "steps_of_a_rollout_without_steps",
        "    strategy: {type: recreate, max_surge: 1}\n",
        "9:15: cells.h100.strategy: has max_surge, which is of type: rolling-update alone",
    ),
    _cell(
        "strategy_of_kubernetes",
        "    strategy: {type: RollingUpdate}\n",
        "9:22: cells.h100.strategy.type: is the text 'RollingUpdate'; it must be one of "
        "'recreate' or 'rolling-update'; did you mean 'rolling-update'?",
    ),
    _cell(
        "spread_twice",
        "    topology_spread: [{topology_key: zone}, {topology_key: zone, max_skew: 2}]\n",
        "9:45: cells.h100.topology_spread[1]: is zone with ScheduleAnyway, as another of the "
        "Pod's; keep one of the two",
    ),
    _cell(
        "container_with_unknown_keys",
        "    containers:\n"
        "      - {name: logs, image: 'busybox:1.37', comand: [a], tty: 'yes'}\n"
        "      - {nam: logs}\n"
        "      - {name: c, image: 'c:1', livenessProbe: {httpGet: {pat: /, port: 80.5}}}\n",
        "10:45: cells.h100.containers[0].comand: is an unknown key; did you mean 'command'?",
        "10:63: cells.h100.containers[0].tty: is the text 'yes'; it must be true or false",
        "11:9: cells.h100.containers[1].image: is missing",
        "11:9: cells.h100.containers[1].name: is missing",
        "11:10: cells.h100.containers[1].nam: is an unknown key; did you mean 'name'?",
        "12:59: cells.h100.containers[2].livenessProbe.httpGet.pat: is an unknown key; allowed: "
        "host, httpHeaders, path, port, protocol, scheme; did you mean 'path'?",
        "12:73: cells.h100.containers[2].livenessProbe.httpGet.port: is the number 80.5; it must "
        "be a whole number or text",
    ),
    _cell(
        "container_of_a_taken_name",
        "    containers: [{name: fetch-safetensors, image: 'a:1'}, {name: gke-gcsfuse-sidecar}]\n",
        "9:25: cells.h100.containers[0].name: is fetch-safetensors, and fetch-safetensors, "
        "gke-gcsfuse-…, inference-server are taken; choose another name",
        "9:59: cells.h100.containers[1].image: is missing",
        "9:66: cells.h100.containers[1].name: is gke-gcsfuse-sidecar, and fetch-safetensors, "
        "gke-gcsfuse-…, inference-server are taken; choose another name",
    ),
    _cell(
        "what_the_construct_sets_of_pods_and_nodes",
        "    pod_annotations:\n"
        "      ira-manifests/model-revision: main\n"
        "      autoscaling.x-k8s.io/provisioning-class-name: mine\n"
        "    node_selector:\n"
        "      cloud.google.com/compute-class: mine\n"
        "      cloud.google.com/gke-accelerator: nvidia-l4\n",
        "10:7: cells.h100.pod_annotations.ira-manifests/model-revision: "
        "'ira-manifests/model-revision' is set by the constructs, as are gke-gcsfuse/volumes, "
        "ira-manifests/model-revision, ira-manifests/other-revisions; remove it",
        "11:7: cells.h100.pod_annotations.autoscaling.x-k8s.io/provisioning-class-name: "
        "'autoscaling.x-k8s.io/provisioning-class-name' is of Pods on queued capacity; set "
        "queued: true of the GPU type",
        "13:7: cells.h100.node_selector.cloud.google.com/compute-class: "
        "'cloud.google.com/compute-class' is set by the construct; set compute_class",
        "14:7: cells.h100.node_selector.cloud.google.com/gke-accelerator: "
        "'cloud.google.com/gke-accelerator' is set by the construct; the GPU type and its compute "
        "class decide it",
    ),
    _cell(
        "containers_at_one_port",
        "    containers:\n"
        "      - {name: a, image: 'a:1', ports: [{containerPort: 8000}, {containerPort: 9000}]}\n"
        "      - {name: b, image: 'b:1', ports: [{containerPort: 9000}, {containerPort: 8000, "
        "protocol: UDP}]}\n"
        "    init_containers: [{name: c, image: 'c:1', ports: [{containerPort: 9000}]}]\n",
        "10:57: cells.h100.containers[0].ports[0].containerPort: is 8000, where the server "
        "listens, and the containers of a Pod share its network; choose another port",
        "11:57: cells.h100.containers[1].ports[0].containerPort: is 9000/TCP, as another of the "
        "Pod's; keep one of the two",
    ),
    _cell(
        "container_with_a_gpu",
        "    containers:\n"
        "      - name: other\n"
        "        image: 'a:1'\n"
        "        resources: {limits: {nvidia.com/gpu: 1, memory: 10}}\n",
        "12:30: cells.h100.containers[0].resources.limits.nvidia.com/gpu: can't be given to "
        "another container: the GPUs are the server's",
        "12:57: cells.h100.containers[0].resources.limits.memory: '10' is not an amount of "
        "memory: use a number above zero and below 10000000 and one of the units M, G, T, P, Mi, "
        "Gi, Ti, Pi, such as 160G or 8Gi",
    ),
    _cell(
        "init_container_that_does_not_stay",
        "    init_containers:\n"
        "      - {name: a, image: 'a:1', restartPolicy: Never}\n"
        "      - {name: b, image: 'b:1', readinessProbe: {exec: {command: [a]}}}\n"
        "    containers:\n"
        "      - {name: b, image: 'b:1', restartPolicy: Always}\n",
        "10:48: cells.h100.init_containers[0].restartPolicy: is 'Never'; an init container has "
        "Always, which makes it a sidecar, or none",
        "11:33: cells.h100.init_containers[1].readinessProbe: is of containers that go on "
        "running; add restartPolicy: Always, or drop it",
        "13:33: cells.h100.containers[0].restartPolicy: is of init containers; move a sidecar "
        "with it to init_containers",
    ),
    _cell(
        "containers_of_one_name",
        "    init_containers: [{name: a, image: 'a:1'}]\n"
        "    containers: [{name: a, image: 'a:1'}]\n",
        "10:25: cells.h100.containers[0].name: is a, as another of the Pod's; keep one of the two",
    ),
    _cell(
        "volume_without_a_source",
        "    volumes: [{name: a}, {name: dshm, emptyDir: {}}, "
        "{name: c, emptyDir: {}, secret: {}}]\n",
        "9:15: cells.h100.volumes[0]: needs exactly one source, such as configMap or emptyDir, "
        "and has none",
        "9:33: cells.h100.volumes[1].name: is dshm, and dshm, gcsfuse, gke-gcsfuse-…, tmp are "
        "taken; choose another name",
        "9:54: cells.h100.volumes[2]: needs exactly one source, such as configMap or emptyDir, "
        "and has emptyDir, secret",
    ),
    _cell(
        "mount_without_a_volume",
        "    volumes: [{name: cache, emptyDir: {}}]\n"
        "    volume_mounts: [{name: cash, mountPath: /cache}]\n"
        "    containers:\n"
        "      - {name: a, image: 'a:1', volumeMounts: [{name: tmp, mountPath: /a}]}\n"
        "      - {name: b, image: 'b:1', volumeMounts: [{name: b, mountPath: /b}]}\n",
        "10:28: cells.h100.volume_mounts[0].name: is cash, and the Pod has no such volume; it "
        "has cache, dshm, gcsfuse, tmp; did you mean 'cache'?",
        "13:55: cells.h100.containers[1].volumeMounts[0].name: is b, and the Pod has no such "
        "volume; it has cache, dshm, gcsfuse, tmp",
    ),
    _cell(
        "mount_that_hides_the_constructs",
        "    volume_mounts:\n"
        "      - {name: gcsfuse, mountPath: /gcs/other}\n"
        "      - {name: gcsfuse, mountPath: /dev}\n"
        "      - {name: gcsfuse, mountPath: relative}\n",
        "10:36: cells.h100.volume_mounts[0].mountPath: is /gcs/other, which hides what the "
        "construct mounts at /gcs; choose another path",
        "11:36: cells.h100.volume_mounts[1].mountPath: is /dev, which hides what the construct "
        "mounts at /dev/shm; choose another path",
        "12:36: cells.h100.volume_mounts[2].mountPath: 'relative' is not an absolute path "
        "without a colon",
    ),
    _cell(
        "mounts_at_one_path",
        "    volume_mounts: [{name: dshm, mountPath: /a}, {name: gcsfuse, mountPath: /a}]\n",
        "9:77: cells.h100.volume_mounts[1].mountPath: is /a, as another of the Pod's; keep one of "
        "the two",
    ),
    _cell(
        "patch_of_nothing",
        "    patches:\n"
        "      - {kind: PodMonitor, strategic_merge: {spec: {a: b}}}\n"
        "      - {kind: Service, name: other, strategic_merge: {spec: {a: b}}}\n"
        "      - {kind: Service, json_patch: [{op: remove, path: /spec/type/a}]}\n"
        "      - {kind: Service, json_patch: [{op: test, path: /spec/type, value: None}]}\n"
        "      - {kind: Deployment, json_patch: [{op: add, path: /spec/template/a/b, value: 1}]}\n"
        "      - kind: Deployment\n"
        "        json_patch:\n"
        "          - {op: replace, path: /spec/template/spec/containers/7/tty, value: true}\n",
        "10:9: cells.h100.patches[0]: matches nothing: no cell has a PodMonitor",
        "11:9: cells.h100.patches[1]: matches nothing: no cell has a Service named other",
        "12:57: cells.h100.patches[2].json_patch[0].path: leads to 'a', and /spec/type is "
        "'ClusterIP'",
        "13:74: cells.h100.patches[3].json_patch[0].value: is not what is there: 'ClusterIP'",
        "14:57: cells.h100.patches[4].json_patch[0].path: leads to 'a', and /spec/template has "
        "metadata, spec",
        "17:33: cells.h100.patches[5].json_patch[0].path: leads to '7', and "
        "/spec/template/spec/containers is a list of 2 items from 0 on",
    ),
    _cell(
        "patch_of_what_is_decided",
        "    patches:\n"
        "      - {kind: Service, json_patch: [{op: add, path: /metadata/name, value: mine}]}\n"
        "      - {kind: Deployment, strategic_merge: {spec: {selector: {matchLabels: {a: b}}}}}\n"
        "      - kind: Deployment\n"
        "        json_patch: [{op: remove, path: /spec/template/spec/containers/0/args/1}]\n"
        "      - {kind: Deployment, strategic_merge: {spec: {x: 1, replicas: two}}}\n"
        "      - {kind: ServiceAccount, strategic_merge: {metadata: {annotations: {a: b}}}}\n",
        "10:9: cells.h100.patches[0]: changes metadata.name: the object would be another one; use "
        "the fields of profiles for names",
        "11:9: cells.h100.patches[1]: changes spec.selector: a selector can't be changed once it "
        "is applied, and the Pods would not be found",
        "12:9: cells.h100.patches[2]: changes spec.template.spec.containers[inference-server]"
        ".args: what is known of the cell would not be true; set args",
        "14:9: cells.h100.patches[3]: leaves a wrong object: spec.replicas is the text 'two'; it "
        "must be a whole number",
        "15:16: cells.h100.patches[4].kind: is for the ServiceAccount, which cells share; patch "
        "it in platform.yaml",
    ),
    _cell(
        "patch_without_a_form",
        "    patches:\n"
        "      - {kind: Service}\n"
        "      - {kind: PodTemplate, json_patch: []}\n"
        "      - {kind: Deploymnt, json_patch: [{op: ad}, {op: remove, path: a, value: 1}, {op: "
        "move, path: /a}]}\n"
        "      - {kind: Service, strategic_merge: {}}\n",
        "10:9: cells.h100.patches[0]: needs exactly one of json_patch and strategic_merge",
        "11:16: cells.h100.patches[1].kind: 'PodTemplate' follows from the Deployment or "
        "LeaderWorkerSet; patch that",
        "12:16: cells.h100.patches[2].kind: 'Deploymnt' is no kind that a cell has; known: "
        "Deployment, GCPBackendPolicy, HTTPRoute, HealthCheckPolicy, HorizontalPodAutoscaler, "
        "InferenceObjective, InferencePool, LeaderWorkerSet, NetworkPolicy, PodDisruptionBudget, "
        "PodMonitor, PodMonitoring, Service, ServiceAccount; did you mean 'Deployment'?",
        "12:45: cells.h100.patches[2].json_patch[0].op: needs an op that is one of add, copy, "
        "move, remove, replace, test",
        "12:69: cells.h100.patches[2].json_patch[1].path: is no path such as "
        "/spec/template/spec/hostNetwork",
        "12:72: cells.h100.patches[2].json_patch[1].value: is an unknown key of remove; allowed: "
        "op, path",
        "12:83: cells.h100.patches[2].json_patch[2].from: is missing, which move needs",
        "13:9: cells.h100.patches[3]: changes nothing; write what it changes, or drop it",
    ),
    _cell(
        "patch_that_merges_nothing",
        "    patches:\n"
        "      - kind: Deployment\n"
        "        strategic_merge:\n"
        "          spec:\n"
        "            template:\n"
        "              spec:\n"
        "                containers: [{name: logs, $patch: delete}]\n"
        "      - kind: Deployment\n"
        "        strategic_merge: {spec: {template: {spec: {volumes: [{emptyDir: {}}]}}}}\n"
        "      - kind: Deployment\n"
        "        strategic_merge: {spec: {template: {spec: {affinity: null}}}}\n"
        "      - {kind: Deployment, strategic_merge: {spec: {$retainKeys: [a]}}}\n",
        "15:30: cells.h100.patches[0].strategic_merge.spec.template.spec.containers[0]: is to be "
        "deleted, and no item has name logs",
        "17:62: cells.h100.patches[1].strategic_merge.spec.template.spec.volumes[0]: has no name; "
        "items of this list are found by name",
        "19:62: cells.h100.patches[2].strategic_merge.spec.template.spec.affinity: is to be "
        "deleted, and the object has no such field",
        "20:66: cells.h100.patches[3].strategic_merge.spec.$retainKeys: is a directive that is not "
        "read; use $patch",
    ),
    _cell(
        "variable_of_two_sources",
        "    env:\n      A: {secret: one, config_map: two, key: a}\n      B: {secret: one}\n",
        "10:10: cells.h100.env.A: names a Secret or a ConfigMap; give one of secret and config_map",
        "11:10: cells.h100.env.B.key: is missing",
    ),
]
