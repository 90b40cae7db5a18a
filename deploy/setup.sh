#!/usr/bin/env bash
# Installs what Mythwatch needs and lacks, on Debian or Ubuntu: system packages, the Python environment, Kafka's jars.
# `deploy/setup.sh` for running it, `deploy/setup.sh test` for what the tests use as well. Run again, it does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
mode=${1:-run}

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# --- system packages ---------------------------------------------------------------------------------------------
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
python=${PYTHON:-python3}
command -v "$python" >/dev/null 2>&1 || fail "Python 3.11 or later is needed: install python3, or set PYTHON to one"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or later is needed; $("$python" --version) found: set PYTHON to another"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
# Kafka 4 runs on Java 17 and later; Debian's and Ubuntu's default is that or newer.
java_is_new() { [ "$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)" -ge 17 ] 2>/dev/null; }
java_is_new || missing+=(default-jre-headless)
need mvn maven
if [ "$mode" = test ]; then
  need chromium chromium
  [ -d /usr/share/fonts/truetype/lato ] || missing+=(fonts-lato)
  [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || missing+=(fonts-noto-color-emoji)
  need prometheus prometheus
  need promtool prometheus
  [ -x "$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1)" ] || missing+=(postgresql)
fi
if [ ${#missing[@]} -gt 0 ]; then
  say "Installing ${missing[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  ask="install these packages, then run the command again: ${missing[*]}"
  command -v apt-get >/dev/null 2>&1 || fail "No apt-get here; $ask"
  [ ${#as_root[@]} = 0 ] || command -v sudo >/dev/null 2>&1 || fail "Not root, and no sudo; $ask"
  export DEBIAN_FRONTEND=noninteractive
  # A policy that starts no service while packages are installed (invoke-rc.d asks it, under systemd too): the tests and
  # the demo start their own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; $ask"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || fail "apt-get could not install them; $ask"
  java_is_new || fail "Java 17 or later is needed; $(command -v java) is older: put a newer one first in PATH, then run the command again"
fi

# --- the Python environment --------------------------------------------------------------------------------------
stamp=.venv/.installed-$(cat requirements.lock pyproject.toml deploy/installer.lock | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
  say "Installing the Python environment (.venv)"
  # One without pip was broken off half-way, or lost its Python.
  .venv/bin/python -c 'import pip' 2>/dev/null || "$python" -m venv --clear .venv
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r deploy/installer.lock
  .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements.lock
  # The package itself, so that `mythwatch` is a command; its dependencies are the lock's.
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
  rm -f .venv/.installed-*
  touch "$stamp"
fi

# --- Kafka -------------------------------------------------------------------------------------------------------
jars=.mythwatch/kafka/libs
stamp=$jars/.installed-$(sha256sum deploy/kafka/pom.xml | cut -c1-16)
if [ ! -e "$stamp" ]; then
  say "Fetching Apache Kafka"
  rm -rf "$jars"
  mvn -q -B -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$project/$jars" \
    || fail "Maven could not fetch Kafka's jars; check the network or its settings, then run the command again"
  touch "$stamp"
fi
