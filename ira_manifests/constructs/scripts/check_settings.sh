#!/usr/bin/env bash
# Checks what base/ira-model-config.env says. Both scripts of the download begin with this one.
#
# Kubernetes expands a variable in parentheses and halves a doubled dollar sign: neither is in them.
set -o errexit -o nounset -o pipefail
export LC_ALL=C.UTF-8

fail() {
  printf 'download-model: %s\n' "$2" >&2
  exit "$1"
}

require() {
  [[ -n ${!1-} ]] || fail 10 "$1 is not set: $2"
  [[ ${!1} != *"<$1>"* ]] || fail 11 "$1 is still the placeholder <$1>: $2"
}

require IRA_BUCKET_NAME 'write the bucket into base/ira-model-config.env'
require MODEL_ID 'write the id of the model into base/ira-model-config.env'

part='[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?'
[[ $MODEL_ID =~ ^$part/$part$ && ${#MODEL_ID} -le 96 && ! $MODEL_ID =~ \.\.|--|\.git$ ]] ||
  fail 12 "MODEL_ID must be <owner>/<name> as the Hub writes it, and nothing else: ${MODEL_ID@Q}"

# Where the first container installs what the second one imports.
packages="${HUB_PACKAGES:-/packages}"
export PYTHONPATH="$packages${PYTHONPATH:+:$PYTHONPATH}"

# Whether Python finds the release of huggingface_hub that the Job names.
has_release() {
  require HUGGINGFACE_HUB_VERSION 'the Job names the release to install'
  python3 -c '
import sys
from huggingface_hub import __version__, hf_hub_download
sys.exit(__version__ != sys.argv[1])' "$HUGGINGFACE_HUB_VERSION" 2> /dev/null
}
