#!/usr/bin/env bash
# Software:  psycopg-binary 3.3.4 and psycopg2-binary 2.9.12 (PyPI). Linux x86_64, Python 3.11 or newer.
# Date:      2026-11-29
#
# Expected:  sslrootcert=system, which libpq has since version 16, trusts the authorities of the operating system, as the name says and
#            as it does with a libpq of the distribution.
# Observed:  With the wheels it trusts none. Their libpq uses an OpenSSL of their own, which looks for the authorities where it was
#            built, in a directory that no other machine has. So a certificate of any public authority is refused with "certificate
#            verify failed", unless SSL_CERT_FILE names a file, as it happens to do on many machines of developers.
#
# Output:
#   psycopg-binary 3.3.4, libpq 18.0: /host/tmp/libpq.build/cert.pem: missing
#   psycopg2-binary 2.9.12, libpq 17.9: /host/tmp/libpq.build/cert.pem: missing
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
  psycopg==3.3.4 psycopg-binary==3.3.4 psycopg2-binary==2.9.12 typing_extensions==4.15.0
cat >"$folder/look.py" <<'PYTHON'
import ctypes
import sys
from importlib.metadata import version
from pathlib import Path

import psycopg
import psycopg2

libraries = {"psycopg-binary": psycopg.pq.version(), "psycopg2-binary": psycopg2.extensions.libpq_version()}
packages = Path(psycopg.__file__).parents[1]
as_expected = False
for name, libpq in libraries.items():
    [library] = packages.joinpath(name.replace("-", "_") + ".libs").glob("libcrypto*")
    openssl = ctypes.CDLL(str(library))
    openssl.X509_get_default_cert_file.restype = ctypes.c_char_p
    file = Path(openssl.X509_get_default_cert_file().decode())
    as_expected |= file.exists()
    print(f"{name} {version(name)}, libpq {libpq // 10000}.{libpq % 10000}: {file}: {'there' if file.exists() else 'missing'}")
sys.exit(as_expected)
PYTHON
"$folder/venv/bin/python" "$folder/look.py"
