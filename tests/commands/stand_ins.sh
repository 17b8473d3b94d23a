# What the pages' commands need of a cluster, of a cloud or of the package index. Each function
# takes the words that its program takes, and no others; what can be run for real, runs.

kubectl() { "$PYTHON" -m tests.commands.kubectl "$@"; }

# The state of the platform is elsewhere: prints what Terraform's manual says of -json.
terraform() {
  [ "$*" = "-chdir=/acp/terraform/cloud_storage output -json ira_google_storage_bucket_names" ] &&
    echo '["acme-terraform","acme-dev-ira-model"]'
}

# https://cloud.google.com/sdk/gcloud/reference/storage/buckets/add-iam-policy-binding
gcloud() {
  local workload=projects/123/locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/llm
  [ "$1 $2 $3 $4" = "storage buckets add-iam-policy-binding gs://acme-ira-model" ] &&
    [ "$5" = --role=roles/storage.objectViewer ] && [ $# = 6 ] &&
    case "$6" in "--member=principal://iam.googleapis.com/$workload/sa/ira-online-gpu-ksa-"*) ;; *) false ;; esac
}

# With a registry in tests/cluster/test_oci.py.
crane() {
  case "$*" in
    "append --oci-empty-base --new_layer=- --new_tag="*) tar --list >/dev/null ;;
    "export "*" -") tar --create --directory=dist/prod-eu . ;;
    *) false ;;
  esac
}

# Prints a chart's objects, which are those of an overlay.
helm() { [ "$*" = "template CHART" ] && "$KUBECTL" kustomize overlays/l4-gemma; }

# The server that is forwarded to is the test's.
curl() { command curl --fail --connect-to "localhost:8000:127.0.0.1:$SERVER_PORT" "$@"; }

# These take long or ask the network, and have tests of their own.
make() {
  case "$1" in
    test | audit | package) command make --dry-run "$@" ;;
    *) command make "$@" ;;
  esac
}

# Installs of the index. The packages are those of the environment that runs this.
extra_of_the_clone() {
  [[ "$1" =~ ^PATH_OF_THE_CLONE\[([a-z]+)\]$ ]] &&
    grep --quiet "^${BASH_REMATCH[1]} = \[" "$ROOT/pyproject.toml"
}
uvx() { [ "$1" = --from ] && extra_of_the_clone "$2" && "${@:3}"; }
python3() { "$PYTHON" "$@" --without-pip; }
pip() {
  case "$*" in
    "install --require-hashes --requirement requirements.txt") [ -s requirements.txt ] ;;
    "download --no-deps --no-binary ira-manifests ira-manifests=="*) echo >"ira_manifests-${5#*==}.tar.gz" ;;
    "download --no-deps ira-manifests=="*) echo >"ira_manifests-${3#*==}-py3-none-any.whl" ;;
    "install PATH_OF_THE_CLONE["*"]")
      extra_of_the_clone "$2" &&
        printf '%s\n' "$PACKAGES" "$ROOT" >"$(echo "$VIRTUAL_ENV"/lib/python*/site-packages)/shared.pth"
      ;;
    *) false ;;
  esac
}
uv() { [ "$*" = "pip compile --generate-hashes --output-file requirements.txt -" ] && cat >requirements.txt; }
npx() { [ "$1" = cdk8s-cli@2 ] && "$CDK8S" --no-check-upgrade "${@:2}"; }

# https://cli.github.com/manual: downloads the sums of what was downloaded before; verifies a file.
gh() {
  case "$*" in
    "release download v"*" --repo OWNER/REPOSITORY --pattern SHA256SUMS --pattern *.cdx.json")
      sha256sum ira_manifests-* >SHA256SUMS
      ;;
    "attestation verify ira_manifests-"*" --repo OWNER/REPOSITORY --signer-workflow OWNER/REPOSITORY/.github/workflows/release.yaml --source-ref refs/tags/v"* | \
      "attestation verify ira_manifests-"*" --repo OWNER/REPOSITORY --predicate-type https://cyclonedx.org/bom")
      [ -f "$3" ]
      ;;
    *) false ;;
  esac
}
