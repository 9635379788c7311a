"""Which tests of the servers tier share servers: one worker runs them, so that the servers start once."""

import re

from tests.support.servers.redis_server import ENGINES

GROUPS = {
    "test_import.py": "import",
    "test_open_webui.py": "web",
    "test_answers_in_progress.py": "web",
    "test_lost_database.py": "web",
    "test_public_url.py": "web",
    "test_public_url_in_browser.py": "web",
    "test_two_releases.py": "two releases",
    "test_handover.py": "handover",
    "test_uploads.py": "uploads",
    "test_models.py": "models",
    "test_secret_inputs.py": "secret inputs",
    "test_outside_connections.py": "outside connections",
    "test_signing_key.py": "signing key",
    "test_vector_index.py": "vector index",
    "test_redis_cluster_users.py": "cluster users",
    "test_redis_acl.py": "acl",
    "test_cloud_buckets.py": "cloud buckets",
    "test_bucket.py": "bucket",
    "test_backup_bucket.py": "backup bucket",
    "test_ollama.py": "ollama",
    "test_documents.py": "documents",
    "test_sign_in.py": "sign-in",
    "test_observability.py": "observability",
    "test_postgresql_upgrade.py": "upgrade",
    "test_external_preflight.py": "external preflight",
    "test_archive.py": "archive",
    "test_external_backup.py": "external backup",
    "test_archive_limits.py": "archive limits",
    "test_archive_outside.py": "archive outside",
    "test_pooler_external.py": "pooler external",
    "test_editor.py": "editor",
    "test_faster_import.py": "faster import",
}
"""Group of each file whose tests share servers. The first groups take longest: what begins late would keep one worker
busy at the end."""

LONG = ("test_redis_cluster.py", "test_redis_sentinel.py", "test_postgresql_memory.py", "test_backup_memory.py")
"""Files whose tests take longest by themselves; they begin after the groups."""

_ORDER = [*dict.fromkeys(GROUPS.values()), *LONG]


def group_of(nodeid: str) -> str:
    """Name of the group of a test: that of its file and its engine. A test without shared servers is its own group."""
    group = GROUPS.get(_file_of(nodeid))
    return f"{group} {_engine_of(nodeid)}" if group else nodeid


def place_of(nodeid: str) -> int:
    """Where the group of a test comes in the order of a run."""
    file = _file_of(nodeid)
    name = GROUPS.get(file, file)
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0].rpartition("/")[2]


def _engine_of(nodeid: str) -> str:
    """The engine among the parameters of a test; empty where it has none."""
    parameters = nodeid.partition("[")[2]
    return next((engine for engine in ENGINES if re.match(rf"{engine}[-\]]", parameters)), "")
