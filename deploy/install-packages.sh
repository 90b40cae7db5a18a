#!/bin/sh
# The image's Python packages, into /venv (or $VENV): `rest` is all but torch, `torch` is torch. From deploy/image.lock, which is the part of
# requirements.lock that services need. The accelerator libraries that torch's ordinary build asks for are its own business, so they go with it.
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-/venv}
lock=deploy/image.lock
with_torch='^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)=='
pick() { awk -v names="$with_torch" -v torch="$1" '/^[^ #]/ { keep = ($0 ~ names) == torch } keep' "$lock"; }
install() { uv pip install --quiet --python "$venv/bin/python" --no-deps "$@"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case ${1:-} in
rest)
  pick 0 >"$work/rest.txt"
  install --require-hashes -r "$work/rest.txt"
  ;;
torch)
  if [ -z "${TORCH_INDEX:-}" ]; then
    pick 1 >"$work/torch.txt"
    install --require-hashes -r "$work/torch.txt"
  else
    # The CPU build is another file than the locked one, of the same version; its digest is checked when we are told it.
    version=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' "$lock")
    [ -n "$version" ] || { echo "deploy/image.lock names no version of torch; run make lock" >&2; exit 1; }
    if [ -n "${TORCH_SHA256:-}" ]; then
      echo "torch==$version+cpu --hash=sha256:$TORCH_SHA256" >"$work/torch.txt"
      install --default-index "$TORCH_INDEX" --require-hashes -r "$work/torch.txt"
    else
      install --default-index "$TORCH_INDEX" "torch==$version+cpu"
    fi
  fi
  "$venv/bin/python" -c 'import torch; print("torch", torch.__version__)'
  ;;
*)
  echo "usage: install-packages.sh rest|torch" >&2
  exit 2
  ;;
esac
