"""Patches of a cell's objects: JSON patches, and strategic merges as kubectl makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ira_manifests import load_matrix
from ira_manifests.constructs.manifests import directory
from ira_manifests.errors import PatchError, ProfileError
from ira_manifests.kubernetes import json_patch, strategic_merge
from testing.edits import edit_profile
from testing.kubectl import kustomize
from testing.objects import Json
from testing.project import copy_profiles
from testing.serving_objects import with_every_object
from tests.schemas import VERSIONS, validate
from tests.support import ira, line_named

# --- JSON patches ---------------------------------------------------------------------------------


# The examples of RFC 6902, appendix A.
@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"},
         {"foo": "bar", "baz": "qux"}),
        ({"foo": ["bar", "baz"]}, {"op": "add", "path": "/foo/1", "value": "qux"},
         {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, {"op": "remove", "path": "/baz"}, {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, {"op": "remove", "path": "/foo/1"},
         {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, {"op": "replace", "path": "/baz", "value": "boo"}, {"baz": "boo"}),
        ({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
         {"op": "move", "from": "/foo/waldo", "path": "/qux/thud"},
         {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
        ({"foo": ["all", "grass", "cows", "eat"]},
         {"op": "move", "from": "/foo/1", "path": "/foo/3"},
         {"foo": ["all", "cows", "eat", "grass"]}),
        ({"foo": ["a", 2, "c"]}, {"op": "test", "path": "/foo/1", "value": 2},
         {"foo": ["a", 2, "c"]}),
        ({"foo": "bar"}, {"op": "add", "path": "/child", "value": {"grandchild": {}}},
         {"foo": "bar", "child": {"grandchild": {}}}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, {"op": "add", "path": "/foo/-", "value": ["abc", "def"]},
         {"foo": ["bar", ["abc", "def"]]}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"},
         {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)  # fmt: skip
def test_operations_do_what_the_standard_says(
    document: Any, operation: Json, expected: Any
) -> None:
    before = json.dumps(document)

    assert json_patch.patched(document, [operation]) == expected
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ({"op": "test", "path": "/baz", "value": "bar"}, "value"),
        ({"op": "test", "path": "/one", "value": True}, "value"),
        ({"op": "add", "path": "/missing/bat", "value": "qux"}, "path"),
        ({"op": "add", "path": "/list/4", "value": "qux"}, "path"),
        ({"op": "remove", "path": "/list/01"}, "path"),
        ({"op": "remove", "path": "/list/-"}, "path"),
        ({"op": "replace", "path": "/other", "value": 1}, "path"),
        ({"op": "copy", "path": "/a", "from": "/b"}, "from"),
        ({"op": "move", "path": "/map/inner", "from": "/map"}, "path"),
    ],
)
def test_an_operation_that_does_not_fit_is_told(operation: Json, key: str) -> None:
    document = {"baz": "qux", "one": 1, "list": [1, 2, 3], "map": {}}

    with pytest.raises(PatchError) as caught:
        json_patch.patched(document, [{"op": "test", "path": "/baz", "value": "qux"}, operation])

    assert caught.value.path == (1, key)


# --- strategic merges -----------------------------------------------------------------------------

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
  labels: {x: "1", y: "2"}
spec:
  selector: {matchLabels: {x: "1"}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {x: "1"}}
    spec:
      containers:
        - name: one
          image: a:1
          args: [a, b]
          env: [{name: A, value: "1"}, {name: B, value: "2"}]
          ports: [{name: m, containerPort: 8000, protocol: TCP}]
          volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /w}]
        - {name: two, image: "b:1"}
      tolerations: [{key: t, operator: Exists}]
      topologySpreadConstraints:
        - {topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 1}
        - {topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, maxSkew: 1}
      volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {medium: Memory}}]
      imagePullSecrets: [{name: s}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: a, finalizers: [one]}
spec:
  ports: [{port: 80, protocol: TCP, name: a}, {port: 81, protocol: TCP, name: b}]
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec:
  parentRefs: [{name: one, sectionName: http}]
  rules: [{backendRefs: [{name: a, port: 80}], timeouts: {request: 10s}}]
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a}
spec:
  podSelector: {matchLabels: {x: "1"}}
  ingress: [{from: [{podSelector: {}}]}]
"""


def of_pod(text: str) -> str:
    return f"spec: {{template: {{spec: {{{text}}}}}}}"


@pytest.mark.parametrize(
    ("text", "patch"),
    [
        (DEPLOYMENT, of_pod("containers: [{name: two, image: 'c:1'}, {name: three, tty: true}]")),
        (DEPLOYMENT, of_pod("containers: [{name: two, $patch: delete}]")),
        (DEPLOYMENT, of_pod("containers: [{$patch: replace}, {name: three, image: 'c:1'}]")),
        (DEPLOYMENT, of_pod(
            "containers: [{name: one, args: [z], env: [{name: C, value: '3'}, "
            "{name: B, $patch: delete}, {name: A, value: '9'}]}]")),
        (DEPLOYMENT, of_pod(
            "containers: [{name: one, ports: [{containerPort: 8000, protocol: UDP, name: u}, "
            "{containerPort: 8000, protocol: TCP, name: q}], "
            "volumeMounts: [{mountPath: /w, readOnly: true}, {name: v, mountPath: /z}]}]")),
        (DEPLOYMENT, of_pod("tolerations: [{key: z, operator: Exists}], nodeSelector: {a: b}")),
        (DEPLOYMENT, of_pod("tolerations: [], volumes: []")),
        (DEPLOYMENT, of_pod("tolerations: null, imagePullSecrets: [{name: r}]")),
        (DEPLOYMENT, of_pod(
            "topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, "
            "maxSkew: 5}, {topologyKey: node, whenUnsatisfiable: ScheduleAnyway, maxSkew: 1}]")),
        (DEPLOYMENT, of_pod("volumes: [{name: w, emptyDir: null, secret: {secretName: x}}]")),
        (DEPLOYMENT, of_pod("$patch: replace, containers: [{name: q, image: 'q:1'}]")),
        (DEPLOYMENT, of_pod("securityContext: {runAsUser: 1}")),
        (DEPLOYMENT, "spec: {strategy: {$patch: delete}, minReadySeconds: 3}"),
        (DEPLOYMENT, "metadata: {labels: {y: null, z: '3'}, annotations: {b: c}, finalizers: [q]}"),
        (SERVICE, "spec: {ports: [{port: 81, protocol: TCP, targetPort: 8}], type: ClusterIP}"),
        (SERVICE, "metadata: {finalizers: [two]}"),
        (ROUTE, "spec: {parentRefs: [{name: two}], hostnames: [a.b]}"),
        (ROUTE, "spec: {rules: [{timeouts: {request: 20s}}]}"),
        (POLICY, "spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}], egress: [{}]}"),
    ],
)  # fmt: skip
def test_a_strategic_merge_does_what_kubectl_kustomize_does(
    text: str, patch: str, tmp_path: Path
) -> None:
    item, partial = yaml.safe_load(text), yaml.safe_load(patch)
    ours = strategic_merge.merged(item, partial, item["kind"])
    identity = {key: item[key] for key in ("apiVersion", "kind")}
    named = {**identity, **partial, "metadata": {"name": "a", **partial.get("metadata", {})}}
    (tmp_path / "item.yaml").write_text(text)
    (tmp_path / "patch.yaml").write_text(yaml.safe_dump(named))
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [item.yaml]\npatches: [{path: patch.yaml}]\n"
    )

    assert ours != item
    assert without_order(ours) == without_order(yaml.safe_load(kustomize(tmp_path)))


def without_order(value: Any) -> Any:
    """Sort ports and constraints, whose order has no meaning: kustomize sometimes keeps it."""
    if isinstance(value, list):
        return [without_order(each) for each in value]
    if not isinstance(value, dict):
        return value
    unordered = ("ports", "topologySpreadConstraints")
    return {
        key: sorted(inner, key=as_text) if key in unordered else without_order(inner)
        for key, inner in value.items()
    }


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_a_port_without_a_protocol_is_one_of_tcp() -> None:
    patch = yaml.safe_load("spec: {ports: [{port: 81, targetPort: 8}]}")

    ports = strategic_merge.merged(yaml.safe_load(SERVICE), patch, "Service")["spec"]["ports"]

    assert ports[0] == {"port": 81, "protocol": "TCP", "name": "b", "targetPort": 8}
    assert len(ports) == 2


# --- of a cell ------------------------------------------------------------------------------------

PLATFORM = """\
inference:
  patches:
    - kind: PodDisruptionBudget
      strategic_merge: {spec: {unhealthyPodEvictionPolicy: IfHealthyBudget}}
    - kind: ServiceAccount
      strategic_merge: {metadata: {annotations: {iam.gke.io/gcp-service-account: a@b.c}}}
"""
CELL = """\
    patches:
      - kind: Deployment
        name: vllm-h100
        strategic_merge:
          spec:
            progressDeadlineSeconds: 900000
            template:
              spec:
                tolerations: [{key: mine, operator: Exists}]
                containers:
                  - name: inference-server
                    resources: {limits: {ephemeral-storage: 10Gi}}
      - kind: Deployment
        json_patch:
          - {op: add, path: /spec/template/spec/shareProcessNamespace, value: true}
          - {op: remove, path: /spec/template/spec/automountServiceAccountToken}
      - {kind: HTTPRoute, json_patch: [{op: replace, path: /spec/hostnames/0, value: a.b}]}
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = with_every_object(tmp_path)
    edit_profile(folder, "platform.yaml", {"inference:\n": PLATFORM})
    edit_profile(
        folder, "h100/llama3", {"    tensor_parallel: 4\n": f"    tensor_parallel: 4\n{CELL}"}
    )
    return folder


def objects_of(profiles: Path, *, queued: bool = False) -> dict[str, Json]:
    found = directory.objects(load_matrix(profiles)["h100", "llama3"], queued=queued)
    return {item["kind"]: item for item in found.values()}


def test_patches_of_all_levels_are_applied(profiles: Path) -> None:
    objects = objects_of(profiles)
    pod = objects["Deployment"]["spec"]["template"]["spec"]

    assert pod["shareProcessNamespace"] is True
    assert "automountServiceAccountToken" not in pod
    assert pod["tolerations"] == [{"key": "mine", "operator": "Exists"}]
    assert pod["containers"][0]["resources"]["limits"]["ephemeral-storage"] == "10Gi"
    assert objects["HTTPRoute"]["spec"]["hostnames"] == ["a.b"]
    assert objects["PodDisruptionBudget"]["spec"]["unhealthyPodEvictionPolicy"] == "IfHealthyBudget"
    annotations = objects["ServiceAccount"]["metadata"]["annotations"]
    assert annotations == {"iam.gke.io/gcp-service-account": "a@b.c"}


def test_the_objects_of_queued_capacity_follow(profiles: Path, tmp_path: Path) -> None:
    objects = objects_of(profiles, queued=True)
    pod, copy = objects["Deployment"]["spec"]["template"], objects["PodTemplate"]["template"]

    assert copy["spec"]["shareProcessNamespace"] is True
    assert copy["spec"]["tolerations"] == pod["spec"]["tolerations"]
    assert copy["spec"]["containers"][0]["resources"]["requests"]["ephemeral-storage"] == "10Gi"
    assert objects["Deployment"]["spec"]["progressDeadlineSeconds"] == 900000
    (name,) = [each["podTemplateRef"]["name"]
               for each in objects["ProvisioningRequest"]["spec"]["podSets"]]  # fmt: skip
    unpatched = directory.objects(load_matrix()["h100", "llama3"], queued=True)
    assert name != unpatched["pod-template.yaml"]["metadata"]["name"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_patched_objects_are_valid(version: str, profiles: Path) -> None:
    objects = objects_of(profiles, queued=True)
    for kind in ("Deployment", "PodTemplate", "ServiceAccount", "PodDisruptionBudget"):
        validate(objects[kind], version)


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("Deployment spec.template.spec.shareProcessNamespace", "      - kind: Deployment"),
        ("Deployment spec.template.spec.tolerations[0].key", "      - kind: Deployment"),
        ("HTTPRoute spec.hostnames[0]", "      - {kind: HTTPRoute"),
        ("PodDisruptionBudget spec.unhealthyPodEvictionPolicy", "    - kind: PodDisruptionBudget"),
        # The deadline of the patch is later than that of the queue.
        ("Deployment spec.progressDeadlineSeconds", "      - kind: Deployment"),
    ],
)
def test_explain_names_the_line_of_the_patch(field: str, line: str, profiles: Path) -> None:
    run = ira("explain", "h100/llama3", field, "-p", str(profiles), cwd=profiles.parent)

    assert line_named(run, profiles.parent).startswith(line)
    assert "differ" not in run.stdout


def test_what_is_listed_names_the_patch_that_changes_it(profiles: Path) -> None:
    run = ira("explain", "h100/llama3", "-p", str(profiles), cwd=profiles.parent)

    (tolerations,) = [each for each in run.stdout.split("\n\n") if "\ntolerations" in f"\n{each}"][
        :1
    ]
    assert "mine" in tolerations


def test_check_judges_the_patched_objects(tmp_path: Path) -> None:
    patch = """    patches:
      - kind: Deployment
        strategic_merge:
          spec:
            template:
              spec:
                containers: [{name: inference-server, startupProbe: null}]
"""
    folder = copy_profiles(tmp_path)
    edit_profile(
        folder, "h100/llama3", {"    tensor_parallel: 4\n": f"    tensor_parallel: 4\n{patch}"}
    )

    run = ira("check", "-p", str(folder), "--only", "h100/llama3", cwd=tmp_path)

    assert "IRA027" in run.stdout


def test_a_patch_of_the_platform_is_for_the_cells_that_have_the_object(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    edit_profile(folder, "platform.yaml", {"inference:\n": PLATFORM})

    with pytest.raises(ProfileError) as caught:
        load_matrix(folder)

    (message,) = caught.value.messages
    assert "inference.patches[0]: matches nothing: no cell has a PodDisruptionBudget" in message
