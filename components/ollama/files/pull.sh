#!/bin/sh
# Pulls the models that the server does not have, and ends when it lists all of them.
#
# Usage: pull.sh MODEL...
# Environment: OLLAMA_HOST, the URL of the server; PULL_WAIT_SECONDS, how long it may take to answer.
# Exit status: 0, the server lists every model; 1, it does not, and the last line says why.
set -eu

# The server's own client: its version is the server's.
waited=0
until ollama list >/dev/null 2>&1; do
  if [ "$waited" -ge "$PULL_WAIT_SECONDS" ]; then
    echo "pull: $OLLAMA_HOST does not answer after $waited s."
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done

for model in "$@"; do
  if ollama show --modelfile "$model" >/dev/null 2>&1; then
    echo "pull: $model is on the volume."
    continue
  fi
  echo "pull: $model is being pulled."
  # The client rewrites its progress line a hundred times a second, so the log contains only the last one.
  if ! output=$(ollama pull "$model" 2>&1); then
    echo "pull: $model cannot be pulled: $(printf '%s' "$output" | tr '\r' '\n' | tail -n 1 | cut -c 1-500)"
    exit 1
  fi
  if ! ollama show --modelfile "$model" >/dev/null 2>&1; then
    echo "pull: $model was pulled, but the server does not list it."
    exit 1
  fi
  echo "pull: $model is pulled."
done
