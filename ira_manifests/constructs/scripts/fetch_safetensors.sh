#!/bin/sh
# Reads every *.safetensors of the model once, so that the Cloud Storage FUSE file cache is warm while the server loads.
# Then stays alive, since a sidecar that ends is started again. Written for busybox sh.
#
# MODEL_ID            the model's folder under MODEL_ROOT
# MODEL_ROOT          default /gcs
# FETCH_PARALLELISM   files read at a time, default 15
#
# A file that can't be read is reported and no more: the server reads it for itself, and says why it can't.
# Kubernetes expands the parenthesised form of a variable and halves doubled dollar signs: this text uses neither.
set -o nounset

# The kernel delivers SIGTERM to process 1 only if it has a handler, and the shell runs the handler only between
# foreground commands: so whatever takes time is a background job that is waited for.
trap 'exit 0' TERM INT

folder="${MODEL_ROOT:-/gcs}/${MODEL_ID:?MODEL_ID is not set}"
parallelism="${FETCH_PARALLELISM:-15}"

say() {
  printf 'fetch-safetensors: %s\n' "$*"
}

warm() {
  count=0
  total=0
  sizes=$(find "$folder" -type f -name '*.safetensors' -exec stat -c %s '{}' +)
  for size in $sizes; do
    count=$((count + 1))
    total=$((total + size))
  done
  say "reading $count files, $total bytes, $parallelism at a time, from $folder"
  started=$(date +%s)
  # shellcheck disable=SC2016 # expanded by the inner shell
  if find "$folder" -type f -name '*.safetensors' -print0 | xargs -0 -r -n 1 -P "$parallelism" sh -c '
    if summary=$(dd if="$1" of=/dev/null bs=1M 2>&1); then
      printf "fetch-safetensors: read %s:%s\n" "$1" "${summary##*out}"
    else
      printf "fetch-safetensors: cannot read %s: %s\n" "$1" "$summary" >&2
      exit 1
    fi' sh; then
    say "done: $count files, $total bytes in $(($(date +%s) - started)) seconds"
  else
    say "not every file could be read; the server will read the rest for itself" >&2
  fi
}

warm &
wait "$!"
while true; do
  sleep 86400 &
  wait "$!"
done
