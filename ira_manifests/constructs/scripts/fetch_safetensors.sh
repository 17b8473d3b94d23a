#!/bin/sh
# Reads every *.safetensors of the model once, to warm the file cache of Cloud Storage FUSE while
# the server loads, and then stays alive: a sidecar that ends is started again. For busybox sh.
#
#   MODEL_ID            the model's folder under MODEL_ROOT
#   MODEL_ROOT          default /gcs
#   FETCH_PARALLELISM   files read at a time, default 15
#
# A file that can't be read is reported and no more: the server reads it too, and says why it can't.
# Kubernetes expands a variable in parentheses and halves a doubled dollar sign: neither is here.
set -o nounset

# Process 1 gets SIGTERM only if it handles it, and a shell handles it only between foreground
# commands: whatever takes time is a background job that is waited for.
trap 'exit 0' TERM INT

folder="${MODEL_ROOT:-/gcs}/${MODEL_ID:?is not set}"
parallelism="${FETCH_PARALLELISM:-15}"

say() {
  printf 'fetch-safetensors: %s\n' "$*"
}

# shellcheck disable=SC2016 # for the shell that xargs starts, with one file as its argument
read_one='
  started=$(date +%s)
  if dd if="$1" of=/dev/null bs=1M 2> /dev/null; then
    printf "fetch-safetensors: read %s: %s bytes in %s seconds\n" \
      "$1" "$(stat -c %s "$1")" "$(($(date +%s) - started))"
  else
    printf "fetch-safetensors: cannot read %s\n" "$1"
    exit 1
  fi'

warm() {
  [ -d "$folder" ] || { say "there is no folder $folder"; return; }
  count=0
  bytes=0
  sizes=$(find "$folder" -type f -name '*.safetensors' -exec stat -c %s '{}' +)
  for size in $sizes; do
    count=$((count + 1))
    bytes=$((bytes + size))
  done
  say "$count files, $bytes bytes in $folder, $parallelism at a time"
  started=$(date +%s)
  if find "$folder" -type f -name '*.safetensors' -print0 |
    xargs -0 -r -n 1 -P "$parallelism" sh -c "$read_one" sh; then
    say "done: $count files, $bytes bytes in $(($(date +%s) - started)) seconds"
  else
    say 'done, but not every file could be read'
  fi
}

warm &
wait "$!"
while true; do
  sleep 86400 &
  wait "$!"
done
