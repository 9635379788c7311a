#!/usr/bin/env bash
# Software:  pytest 9.2.0, pytest-xdist 3.8.0 (both the newest in PyPI on the date), Python 3.11 or newer.
# Date:      2026-11-29
#
# Expected:  With --dist loadgroup, all tests with the mark xdist_group("shared") run in one worker, as its documentation says.
# Observed:  They are spread over the workers, without an error or a warning. Tests that share a server through a fixture of
#            their group start it once in each worker.
#
# Output:
#   pytest 9.2.0, pytest-xdist 3.8.0, --dist loadgroup, 3 workers, 1 group of 12 tests
#   workers that ran the group: 3
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 pytest-xdist==3.8.0
cat >"$folder/test_group.py" <<'PYTHON'
import os
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("shared")


@pytest.mark.parametrize("number", range(12))
def test_shared(number):
    time.sleep(0.2)  # so that one worker cannot end them all before the others are up
    (Path(os.environ["WORKERS"]) / os.environ["PYTEST_XDIST_WORKER"]).touch()
PYTHON
mkdir "$folder/workers"
cd "$folder"
WORKERS="$folder/workers" "$folder/venv/bin/python" -m pytest -q -n 3 --dist loadgroup test_group.py >"$folder/log" ||
  { cat "$folder/log" && exit 1; }
count=$(find "$folder/workers" -type f | wc -l)
echo "pytest 9.2.0, pytest-xdist 3.8.0, --dist loadgroup, 3 workers, 1 group of 12 tests"
echo "workers that ran the group: $count"
[ "$count" -gt 1 ]
