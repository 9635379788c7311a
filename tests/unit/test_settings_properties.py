"""Properties that hold for every valid config, and for every wrong one."""

import json
import re
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from components.blocks.quantities import MEBIBYTE, mebibytes, quantity, redis_bytes
from components.postgresql.memory import OPERATIONS
from components.postgresql.settings import CONNECTIONS_BESIDE_OPEN_WEBUI, PostgreSQLSettings
from components.redis.server.memory import DATA_SHARE_OF_LIMIT, LEAST_HEADROOM
from stack_config.keys import config_keys
from stack_config.load import PROJECT, ConfigError, parse
from stack_config.settings import StackSettings
from tests.support.unit.config_reports import all_encrypted, apply_fixes
from tests.support.unit.key_paths import concrete, nested
from tests.support.unit.uploads_in_pods import accepted

redis_sizes = st.builds(
    lambda number, unit: f"{number}{unit}", st.integers(16, 4096), st.sampled_from(["mb", "MB", "gb", "Mb"])
)
quantities = st.builds(
    lambda number, unit: f"{number}{unit}", st.integers(2, 2000), st.sampled_from(["Mi", "Gi", "M", "G"])
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
# Values that are right somewhere, or nearly: alone a search of all texts would hardly ever find them.
near_misses = st.sampled_from(
    [*("true", "yes", "1", "2", "3.0", "0", "-1", "1000", "512Mi", "512mb", "1Gb", "10Gi", "0.5", "1e3", "500m", "")]
    + [*("chat.example.com", "10.0.0.1", "http://ollama:11434", "https://a:b@c/", "kube-system", "rag-system", "a_b")]
    + [choice for key in config_keys().values() for choice in key.choices]
    + [key.suggestion for key in config_keys().values()]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | near_misses,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(sorted(config_keys()))
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
# Names that people give to secrets, of variables and of keys that do not exist.
secret_variables = ["OAUTH_CLIENT_SECRET", "LDAP_APP_PASSWORD", "HF_TOKEN", "DB_PASS", "SENTRY_DSN", "KEY_2", "apiKey"]
secret_names = [*secret_variables, "password", "auth", "requirepass", "secretKey", "dbPwd", "authToken", "credentials"]
SECRET = "hunter2-is-a-secret"


def config(tree: dict[str, Any]) -> dict[str, object]:
    """A config as the engine hands it over."""
    whole: dict[str, Any] = {"kubeContext": "test", **tree}
    texts = {f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in whole.items()}
    return accepted(texts)


def merged(tree: Any, other: Any) -> Any:
    """Both trees; where they differ the other one's value."""
    if isinstance(tree, dict) and isinstance(other, dict):
        return {**tree, **{key: merged(tree.get(key), value) for key, value in other.items()}}
    return other


def _names(value: object) -> Iterator[str]:
    """The letters of all names in a value."""
    for name, member in value.items() if isinstance(value, dict) else ():
        yield from name or "."
        yield from _names(member)
    for element in value if isinstance(value, list) else ():
        yield from _names(element)


@given(maxmemory=redis_sizes, request=quantities)
def test_redis_always_has_room_beside_its_data(maxmemory: str, request: str) -> None:
    tree = {"redis": {"maxmemory": maxmemory, "resources": {"requests": {"memory": request}}}}
    redis = parse(config(tree), set()).redis
    limit = quantity(redis.memory_limit)
    assert redis_bytes(maxmemory) <= min(limit * DATA_SHARE_OF_LIMIT, limit - LEAST_HEADROOM)
    assert quantity(request) <= limit


@given(limit=quantities, connections=st.integers(100, 5000))
def test_the_databases_memory_settings_fit_its_limit(limit: str, connections: int) -> None:
    tree = {
        "postgresql": {"maxConnections": connections, "resources": {"limits": {"memory": limit}}},
        "openWebui": {"replicas": 1},
    }
    try:
        postgresql = parse(config(tree), set()).postgresql
    except ConfigError:
        assert quantity(limit) < PostgreSQLSettings().least_memory(connections) * MEBIBYTE
        return
    memory, load = postgresql.memory, postgresql.load(connections)
    queries = load.queries * OPERATIONS * (memory.workers + 1) * memory.work_mem
    at_once = memory.shared_buffers + memory.maintenance_work_mem + queries + connections * 2.75
    assert at_once + load.autovacuum_workers * memory.autovacuum_work_mem < quantity(limit) / MEBIBYTE * 15 / 16
    assert memory.shared_memory >= memory.maintenance_work_mem + (queries if memory.workers else 0)
    assert memory.effective_cache_size < quantity(limit) / MEBIBYTE


@given(limit=quantities, gibibytes=st.integers(1, 100))
def test_the_databases_log_leaves_room_for_the_data(limit: str, gibibytes: int) -> None:
    tree = {"storage": {"size": f"{gibibytes}Gi"}, "resources": {"limits": {"memory": limit}}}
    try:
        tuning = parse(config({"postgresql": tree}), set()).postgresql.tuning()
    except ConfigError:
        assert quantity(limit) < PostgreSQLSettings().least_memory(400) * MEBIBYTE
        return
    log = int(tuning["max_wal_size"].removesuffix("MB"))
    assert 256 <= log <= gibibytes * 1024 / 4


@given(replicas=st.integers(1, 100), connections=st.integers(20, 5000))
def test_a_config_is_accepted_only_if_every_pod_gets_its_connections(replicas: int, connections: int) -> None:
    memory = {"limits": {"memory": "64Gi"}}
    tree = {"openWebui": {"replicas": replicas}, "postgresql": {"maxConnections": connections, "resources": memory}}
    needed = StackSettings.model_validate(
        {
            "kubeContext": "x",
            "openWebui": {"replicas": replicas},
            "postgresql": {"maxConnections": 5000, "resources": memory},
        }
    ).open_webui.database_connections
    try:
        parse(config(tree), set())
    except ConfigError as error:
        assert "postgresql.maxConnections: " in str(error)
        assert needed + CONNECTIONS_BESIDE_OPEN_WEBUI > connections
    else:
        assert needed + CONNECTIONS_BESIDE_OPEN_WEBUI <= connections


@given(replicas=st.integers(1, 6))
def test_the_quota_has_room_for_a_rolling_update(replicas: int) -> None:
    settings = parse(config({"openWebui": {"replicas": replicas}}), set())
    web = quantity(settings.open_webui.resources.as_kubernetes()["limits"]["memory"])
    assert quantity(settings.hard_limits["limits.memory"]) > web * (replicas + 1)
    assert int(settings.hard_limits["pods"]) > replicas + 1 + 2


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(path=paths, value=values)
def test_any_value_anywhere_is_accepted_or_reported_never_a_crash(path: str, value: object) -> None:
    try:
        parse(config(nested(path, value)), set())
    except ConfigError as error:
        assert "nothing was changed" in str(error)
        assert "fix:" in str(error)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(mistakes=st.lists(st.tuples(paths, values), min_size=2, max_size=6))
def test_any_values_anywhere_together_are_accepted_or_reported(mistakes: list[tuple[str, object]]) -> None:
    tree: dict[str, Any] = {}
    for path, value in mistakes:
        tree = merged(tree, nested(path, value))
    try:
        parse(config(tree), set())
    except ConfigError as error:
        actual = re.findall(r"^  allowed: ", str(error), re.MULTILINE)
        assert str(error).startswith(f"The stack's config has {len(actual)} problem")


# A boolean without a default has no value to suggest. The removal of an element moves those after it.
@example(path="openWebui.ingress.redirectToHttps", value="")
@example(path="postgresql.clients", value=[None, {"podLabels": 1}, None])
@given(path=paths, value=values)
def test_the_commands_of_a_report_fix_what_it_reports(path: str, value: object) -> None:
    tree = nested(path, value)
    written = {f"{PROJECT}:{key}": member for key, member in {"kubeContext": "test", **tree}.items()}
    if not set(_names(value)) <= set(string.ascii_letters + string.digits + "_-"):
        return  # a name with a line break is two lines of the report
    for _ in range(5):
        secrets = {key for key, member in written.items() if all_encrypted(member)}
        texts = {key: member if isinstance(member, str) else json.dumps(member) for key, member in written.items()}
        try:
            parse(accepted(texts), secrets)
        except ConfigError as error:
            apply_fixes(written, str(error))
        else:
            return
    raise AssertionError(f"after four reports there is a fifth one: {path}={value!r}")


# In a map of objects every name is allowed.
OBJECTS = [key.path for key in config_keys().values() if key.is_object and not key.is_map and not key.is_list]
PLACES = [
    *(f"{path}.{name}" for path in OBJECTS for name in secret_names if f"{path}.{name}" not in config_keys()),
    *(f"openWebui.env.{name}" for name in secret_variables),
]
SECRETS = [
    SECRET,
    [SECRET],
    {"of": SECRET},
    {"a": {"password": [SECRET]}},
    f"redis://:{SECRET}@host",
    [{"token": SECRET}],
]


@pytest.mark.parametrize("value", SECRETS, ids=str)
def test_what_stands_in_the_place_of_a_secret_is_not_repeated(value: object) -> None:
    for path in PLACES:
        with pytest.raises(ConfigError) as error:
            parse(config(nested(path, value)), set())
        assert SECRET not in str(error.value), path


@given(text=printable | texts)
def test_a_quantity_is_one_that_kubernetes_takes(text: str) -> None:
    for path in ("postgresql.resources.limits.memory", "openWebui.resources.requests.cpu", "postgresql.storage.size"):
        try:
            parse(config(nested(path, text)), set())
        except ConfigError:
            continue
        assert re.fullmatch(r"[0-9.]+([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?", text, re.ASCII)


@given(
    path=st.sampled_from(OBJECTS), name=st.text("abcdefghijklmnopqrstuvwxyzABC", min_size=1, max_size=12), value=values
)
def test_an_unknown_member_anywhere_is_reported(path: str, name: str, value: object) -> None:
    if f"{path}.{name}" in config_keys():
        return
    try:
        parse(config(nested(f"{path}.{name}", value)), set())
    except ConfigError as error:
        assert f"{concrete(path)}.{name}: unknown key" in str(error)
    else:
        raise AssertionError(f"{path}.{name} was accepted")


@given(amount=st.integers(1, 2**50), multiple=st.integers(1, 256))
def test_rounding_up_to_mebibytes_never_loses_a_byte(amount: int, multiple: int) -> None:
    rounded = quantity(mebibytes(amount, multiple))
    assert amount <= rounded < amount + multiple * 2**20
    assert rounded % (multiple * 2**20) == 0
