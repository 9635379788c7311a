#!/usr/bin/env bash
# Software:  open-webui 0.12.4 (PyPI), with markdown 3.10.2 and beautifulsoup4 4.14.3. Linux x86_64, Python 3.11 or 3.12.
# Date:      2026-11-30
#
# Expected:  The changelog is data for one page: "What's new" asks for it, and its cost is that of the releases it shows.
# Observed:  Every process that imports Open WebUI (each replica, each migration, each command) converts the changelog of all its
#            177 releases, 1.5 MB of Markdown, to HTML, parses that with BeautifulSoup, and goes on. GET /api/changelog returns the
#            first five. That is most of the CPU time of `open_webui.env` without the packages it needs, and was about a fifth of
#            that of the whole application. It grows with every release.
#
# Output (the seconds vary):
#   177 releases: open_webui.env takes 1.5 s of CPU time
#   5 releases: open_webui.env takes 0.3 s of CPU time
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check \
  markdown==3.10.2 beautifulsoup4==4.14.3 aiohttp==3.14.5 cryptography==48.0.1 typer==0.25.1 uvicorn==0.54.0
"$python" -m pip install --quiet --disable-pip-version-check --no-deps open-webui==0.12.4
mkdir "$folder/data"
cat >"$folder/look.py" <<'PYTHON'
import sys
import time

import aiohttp, bs4, cryptography.hazmat.primitives.serialization, markdown, typer, uvicorn  # what it needs is not counted

began = time.process_time()
import open_webui.env

seconds = time.process_time() - began
releases = len(open_webui.env.CHANGELOG)
print(f"{releases} releases: open_webui.env takes {seconds:.1f} s of CPU time", file=sys.stderr)
print(seconds)
PYTHON
look() { WEBUI_SECRET_KEY=of-this-script DATA_DIR=$folder/data "$python" "$folder/look.py" | tail -n 1; }

all=$(look)
changelog=$("$python" -c 'import importlib.util as u; print(u.find_spec("open_webui").submodule_search_locations[0])')/CHANGELOG.md
awk '/^## \[/ { releases++ } releases <= 5' "$changelog" >"$folder/short" && mv "$folder/short" "$changelog"
short=$(look)
awk -v all="$all" -v short="$short" 'BEGIN { exit !(all > 3 * short) }'
