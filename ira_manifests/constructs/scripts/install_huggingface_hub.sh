#!/usr/bin/env bash
# Installs the huggingface_hub of the download, before a token is there: in a container of its own,
# to the folder HUB_PACKAGES (/packages) that the download's container reads.
#
# HUGGINGFACE_HUB_LOCK names every package by version and SHA-256; nothing else is installed, and
# nothing is built. An image that has the release already keeps it.
#
# Exit codes: 10, 11, 12, 21 and 143, as in download_model.sh.
trap 'exit 143' TERM
if ! has_release; then
  require HUGGINGFACE_HUB_LOCK 'the Job says what to install'
  # In the background, since bash runs a trap only between foreground commands.
  python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --upgrade \
    --require-hashes --only-binary :all: --target "$packages" \
    --requirement /dev/stdin <<< "$HUGGINGFACE_HUB_LOCK" &
  wait "$!" || fail 21 "huggingface_hub $HUGGINGFACE_HUB_VERSION can't be installed with pip"
fi
