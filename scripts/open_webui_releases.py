"""`python -m scripts.open_webui_releases`: what decides whether two releases of Open WebUI may run side by side.

`generate` writes ``components/open_webui/releases.json``: it adds the releases that the package index has and the file
lacks, and the pairs that a person has classified in ``releases.yaml``. `diff OLD NEW` prints what a person has to read
before such a classification. Both read the wheels and import nothing of them. pip downloads one wheel at a time (100 to
150 MB), to a temporary directory.

Two replicas share the database, the uploads, Redis and the browsers' sessions, so two releases that run side by side
have to agree about them. The file keeps a fingerprint of each release. Releases with equal fingerprints agree. Those
that differ may agree as well, which a person has to read:

- ``head``: the head revision of Alembic's migrations. Two releases with different heads never run side by side.
- ``schema``: the text of all migrations. An edited migration makes another schema under the same head.
- ``records``: what writes and reads rows, vectors and files: the modules below ``models/``, ``internal/`` and
  ``storage/``, and the client of pgvector. Columns of JSON have no schema: only these modules say what is in them.
- ``sessions``: what signs and reads the tokens of sign-in.
- ``redis``: what writes and reads keys and channels of Redis. Some modules do little else (`REDIS_MODULES`) and count
  whole. Of every other module of the application the classes and functions count that call a Redis client, or name
  something of Redis: a key prefix, a lock, a dictionary. Passing a client on counts in the function that uses it.
  Events to browsers pass through Redis as well, but no replica reads them.
- ``packages``: the releases of the libraries that decide what is on the wire: Socket.IO's manager publishes in a
  format of its own, and so do the session store and the documents that several users edit.

Comments count: a fingerprint that depended on the parser would change with the Python version.
"""

import ast
import difflib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer
import yaml

from components.open_webui.files.startup.release import read_revision
from components.open_webui.releases import FINGERPRINT, PAIRS_FILE, RELEASES_FILE, numbers
from stackctl.variables.reading import PACKAGE
from stackctl.variables.release_table import download
from terminal.errors import LocalError

OLDEST = "0.9.0"
"""The first release that is read. An update from or to an older one stops all replicas, as with an unknown one."""

MIGRATIONS = "migrations/versions/"
RECORDS = ("models/", "internal/", "storage/", "retrieval/vector/dbs/pgvector.py")
SESSIONS = ("utils/auth.py",)
REDIS_MODULES = ("socket/", "tasks.py", "utils/redis.py", "utils/rate_limit.py", "utils/json_codec.py")
OUTSIDE = ("retrieval/vector/dbs/", "utils/telemetry/")
"""Modules with clients of other servers: a vector database that the stack does not use, and tracing."""

PACKAGES = ("python-socketio", "redis", "starsessions", "pycrdt")

_CLIENT = re.compile(r"redis|redis_client|pipe|pipeline", re.IGNORECASE)
_OF_REDIS = re.compile(r"redis", re.IGNORECASE)

app = typer.Typer(no_args_is_help=True, help="Maintain components/open_webui/releases.json.")

Sources = Mapping[str, str]


class ReleaseError(LocalError):
    """A release cannot be read, or a classified pair is invalid."""


@app.command()
def generate(
    releases: Annotated[list[str] | None, typer.Argument(help="Default: those that are missing.")] = None,
) -> None:
    """Write releases.json from the wheels of new releases and from releases.yaml."""
    known: dict[str, dict[str, str]] = {}
    if RELEASES_FILE.exists():
        known = json.loads(RELEASES_FILE.read_text())["releases"]
    for release in releases or [each for each in available() if each not in known]:
        known[release] = fingerprint(read(release))
        print(f"{release}: head revision {known[release]['head']}", flush=True)
    RELEASES_FILE.write_text(table(known, yaml.safe_load(PAIRS_FILE.read_text())["pairs"]))
    print(f"wrote {RELEASES_FILE.name}: {len(known)} releases")


@app.command()
def diff(old: str, new: str) -> None:
    """Print what two releases share with other replicas and what differs in it."""
    before, after = read(old), read(new)
    marks = fingerprint(before), fingerprint(after)
    for member in FINGERPRINT:
        print(f"{member}: {'the same' if marks[0][member] == marks[1][member] else 'differs'}")
    for part in (schema, records, sessions, redis_traffic, packages):
        sides = part(before), part(after)
        for name in sorted(sides[0].keys() | sides[1].keys()):
            lines, new_lines = (side.get(name, "").splitlines(keepends=True) for side in sides)
            sys.stdout.writelines(difflib.unified_diff(lines, new_lines, f"{old}/{name}", f"{new}/{name}"))


def available() -> list[str]:
    """The releases of the package index from `OLDEST` on, the newest first.

    Raises:
        ReleaseError: pip cannot list them.
    """
    command = [sys.executable, "-m", "pip", "index", "versions", "--ignore-requires-python", "open-webui"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    listed = re.search(r"^Available versions: (.+)$", done.stdout, re.MULTILINE)
    if done.returncode or not listed:
        raise ReleaseError(f"pip cannot list the releases: {done.stderr.strip()}")
    releases = re.findall(r"(?<![\w.])\d+\.\d+\.\d+(?![\w.])", listed[1])
    return [each for each in releases if numbers(each) >= numbers(OLDEST)]


def read(release: str) -> Sources:
    """The Python sources of a release by path in its package, and ``METADATA``."""
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(download(release, Path(directory))) as wheel:
        [metadata] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return {
            "METADATA": wheel.read(metadata).decode(),
            **{
                str(PurePosixPath(name).relative_to(PACKAGE)): wheel.read(name).decode()
                for name in wheel.namelist()
                if name.startswith(f"{PACKAGE}/") and name.endswith(".py")
            },
        }


def fingerprint(sources: Sources) -> dict[str, str]:
    """The members of `FINGERPRINT` of one release.

    Raises:
        ReleaseError: there are no migrations, or several heads.
    """
    return {
        "head": head_revision(sources),
        **{
            member: _digest(part)
            for member, part in (
                ("schema", schema(sources)),
                ("records", records(sources)),
                ("sessions", sessions(sources)),
                ("redis", redis_traffic(sources)),
                ("packages", packages(sources)),
            )
        },
    }


def head_revision(sources: Sources) -> str:
    """The one Alembic revision that no other follows.

    Raises:
        ReleaseError: there are no migrations, or several heads.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "migration.py"
        parents: dict[str, tuple[str, ...]] = {}
        for text in schema(sources).values():
            file.write_text(text)
            revision, followed = read_revision(file)
            parents[revision] = followed
    heads = parents.keys() - {parent for several in parents.values() for parent in several}
    if len(heads) != 1:
        raise ReleaseError(f"{len(heads)} head revisions in {MIGRATIONS}: {', '.join(sorted(heads)) or 'none'}")
    return heads.pop()


def schema(sources: Sources) -> dict[str, str]:
    """The migrations."""
    return {path: text for path, text in sources.items() if path.startswith(MIGRATIONS) and "/__" not in path}


def records(sources: Sources) -> dict[str, str]:
    """The modules that write and read rows, vectors and files."""
    return {path: text for path, text in sources.items() if path.startswith(RECORDS)}


def sessions(sources: Sources) -> dict[str, str]:
    """The modules that sign and read the tokens of sign-in."""
    return {path: text for path, text in sources.items() if path.startswith(SESSIONS)}


def redis_traffic(sources: Sources) -> dict[str, str]:
    """Code that writes and reads keys and channels of Redis: modules, and ``module::name`` of classes and functions."""
    parts: dict[str, str] = {}
    for path, text in sources.items():
        if path.startswith(REDIS_MODULES):
            parts[path] = text
        elif path.endswith(".py") and not path.startswith(OUTSIDE) and _OF_REDIS.search(text):
            for name, part in _parts_on_redis(text):
                parts[f"{path}::{name}"] = parts.get(f"{path}::{name}", "") + part
    return parts


def _parts_on_redis(text: str) -> Iterator[tuple[str, str]]:
    module = ast.parse(text)
    for node in module.body:
        parts = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for part in parts:
            if isinstance(part, ast.Import | ast.ImportFrom) or not any(map(_uses_redis, ast.walk(part))):
                continue
            source = ast.get_source_segment(text, part) or ""
            yield prefix + (getattr(part, "name", None) or source.partition("\n")[0]), f"{source}\n"


def _uses_redis(node: ast.AST) -> bool:
    """Whether the node calls a method of a client, or names something of Redis other than a client."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return bool(_CLIENT.fullmatch(_identifier(node.func.value)))
    name = _identifier(node)
    return bool(_OF_REDIS.search(name)) and not _CLIENT.fullmatch(name)


def _identifier(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def packages(sources: Sources) -> dict[str, str]:
    """The requirements that decide what is on the wire, by name."""
    required = re.findall(r"^Requires-Dist: ([A-Za-z0-9-]+)(.*)$", sources["METADATA"], re.MULTILINE)
    # Extras of the wheel repeat some of them.
    return {name: rest for name, rest in reversed(required) if name in PACKAGES}


def _digest(part: Mapping[str, str]) -> str:
    """64 bits of a SHA-256 are enough to tell the texts of a few releases apart."""
    return sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]


def table(releases: Mapping[str, Mapping[str, str]], pairs: list[dict[str, Any]]) -> str:
    """The text of ``releases.json``, one line for each entry.

    Raises:
        ReleaseError: a pair names an unknown release, releases of different schemas, or equal ones.
    """
    for pair in pairs:
        if problem := _problem(releases, pair):
            raise ReleaseError(f"{PAIRS_FILE.name}: {' and '.join(pair['releases'])}: {problem}")
    entries = [
        f"{json.dumps(name)}: {json.dumps(releases[name])}" for name in sorted(releases, key=numbers, reverse=True)
    ]
    listed = ",\n".join(json.dumps({name: pair[name] for name in ("releases", "together", "reason")}) for pair in pairs)
    return '{\n"releases": {\n' + ",\n".join(entries) + '\n},\n"pairs": [\n' + listed + "\n]\n}\n"


def _problem(releases: Mapping[str, Mapping[str, str]], pair: Mapping[str, Any]) -> str | None:
    first, second = (releases.get(release) for release in pair["releases"])
    if first is None or second is None:
        return f"{RELEASES_FILE.name} lacks one of them"
    if first == second:
        return "their fingerprints are equal, so there is nothing to classify"
    if pair["together"] and first["head"] != second["head"]:
        return "their schemas differ, so they cannot run side by side"
    if not (pair["reason"] and pair["evidence"]):
        return "a reason and evidence are missing"
    return None


if __name__ == "__main__":
    app()
