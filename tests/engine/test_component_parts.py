"""The components for Redis, PostgreSQL and Open WebUI alone: programs deploy, change and destroy them together."""

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from devcluster.clusters import simulation
from devcluster.clusters.choice import Cluster
from tests.support.engine.foreign_program import (
    EXAMPLES,
    ForeignProgram,
    PythonProgram,
    TypeScriptProgram,
    provider_variables,
)
from tests.support.engine.package_sdk import compile_typescript, install_python
from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.slow_tier import slow
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Run

NAMESPACE = "team-parts"
PARTS = EXAMPLES / "parts"
PROVIDER: dict[str, Any] = {
    "cluster_identifier": NAMESPACE,
    "enable_secret_mutable": True,
    "enable_config_map_mutable": True,
}

Arguments = dict[str, Any]
Component = tuple[str, str, Arguments | Callable[[Mapping[str, Any]], Arguments]]
"""Type, name and arguments of a component in a program; the arguments may follow from the components before it."""


@pytest.fixture(scope="module")
def variables(engine_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the engine, with the provider of the package."""
    return provider_variables(engine_environment, tmp_path_factory.mktemp("provider"))


@pytest.fixture(scope="module", params=["python", pytest.param("typescript", marks=slow)])
def program(
    request: pytest.FixtureRequest,
    variables: dict[str, str],
    cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> ForeignProgram:
    """The example in one language, with nothing deployed."""
    assert cluster.kubeconfig
    simulation.prepare(cluster.kubeconfig, cluster.context)
    built, directory = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("program")
    stack: ForeignProgram
    if request.param == "python":
        stack = PythonProgram(PARTS / "python" / "__main__.py", directory, variables, install_python(built))
    else:
        compiled = compile_typescript(built, PARTS / "typescript")
        stack = TypeScriptProgram(compiled / "index.js", compiled / "run.js", directory, variables)
    stack.configure(kubeContext=cluster.context)
    return stack


@pytest.fixture
def live(cluster: Cluster) -> Namespace:
    """The namespace of the example."""
    return Namespace(cluster, NAMESPACE)


def test_a_program_deploys_changes_and_destroys_the_three_parts(program: ForeignProgram, live: Namespace) -> None:
    preview = program.run("preview")
    assert {"create Redis redis", "create PostgreSQL database", "create OpenWebUI chat"} <= preview.changes
    assert {"create Deployment redis", "create StatefulSet postgres", "create Deployment open-webui"} <= preview.changes
    assert not live.exists()

    created = program.run("up")
    urls, database = live.secret("redis-config"), live.secret("postgresql-secret")
    assert urls["cache-url"].partition("@")[2] == f"redis-service.{NAMESPACE}.svc:6379/0"
    assert program.outputs()["databaseUrl"] == database["database-url"]
    # The web pods have the same URLs in Secrets of their own.
    assert live.secret("open-webui-redis-config") == urls
    assert live.secret("open-webui-postgresql-secret")["database-url"] == database["database-url"]
    _assert_connections(live)
    secrets = secret_values(live)
    assert seen_in(json.dumps(program.resources()), secrets) == [], "the state shows secrets"
    assert program.run("up").changes <= PREFLIGHT_AGAIN

    program.configure(replicas="3")
    changed = program.run("up")
    assert changed.changes - PREFLIGHT_AGAIN == {"update Deployment open-webui"}

    destroyed = program.run("destroy")
    web = _deletions(destroyed, "Deployment::open-webui")
    servers = (*_deletions(destroyed, "Deployment::redis"), *_deletions(destroyed, "StatefulSet::postgres"))
    assert len(web) == 2
    assert len(servers) == 4
    assert max(web) < min(servers), "a server was deleted before the web pods"
    live.wait_until_gone()
    assert program.resources() == []
    text = "\n".join(line for run in (preview, created, changed, destroyed) for line in run.text)
    assert seen_in(text, secrets) == [], "a command shows secrets"


def _deletions(run: Run, urn_end: str) -> list[int]:
    """Positions of the beginning and the end of a deletion among the events."""
    return [
        number
        for number, text in enumerate(run.text)
        if text.startswith("{") and (step := _step(json.loads(text))) and step["op"] == "delete"
        if step["urn"].endswith(urn_end)
    ]


def _step(event: Any) -> Any:
    step = event.get("resource_pre_event") or event.get("res_outputs_event")
    return step and step["metadata"]


def _assert_connections(live: Namespace) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in live.objects() if each["kind"] == "NetworkPolicy"}
    assert {"redis-default-deny", "postgresql-default-deny", "open-webui-default-deny"} <= policies.keys()
    [redis] = policies["redis"]["ingress"]
    assert [peer["podSelector"]["matchLabels"] for peer in redis["from"]] == [{"app": "open-webui"}, {"app": "reports"}]
    [postgres] = policies["postgres"]["ingress"]
    assert {"kubernetes.io/metadata.name": "analytics"} in [
        peer.get("namespaceSelector", {}).get("matchLabels") for peer in postgres["from"]
    ]


@pytest.fixture(scope="module")
def inline(
    variables: dict[str, str], cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., PythonProgram]:
    """A program in Python with given components: type, name and arguments of each."""
    assert cluster.kubeconfig
    simulation.prepare(cluster.kubeconfig, cluster.context)
    packages = install_python(tmp_path_factory.mktemp("sdk"))
    directory = tmp_path_factory.mktemp("inline")
    stack = PythonProgram(PARTS / "python" / "__main__.py", directory, variables, packages)

    def with_components(*components: Component) -> PythonProgram:
        def program() -> None:
            package = import_module("pulumi_open_webui_stack")
            cluster_provider = k8s.Provider("cluster", context=cluster.context, **PROVIDER)
            created: dict[str, Any] = {}
            for type_name, name, arguments in components:
                values = arguments(created) if callable(arguments) else arguments
                options = pulumi.ResourceOptions(
                    providers={"kubernetes": cluster_provider}, depends_on=[*created.values()]
                )
                created[name] = getattr(package, type_name)(name, **values, opts=options)

        stack.program = program
        return stack

    return with_components


def test_rotated_passwords_reach_the_web_pods_in_the_same_update(
    inline: Callable[..., PythonProgram], cluster: Cluster
) -> None:
    placed = {"namespace": "team-rotated", "create_namespace": False}

    def stack(rotation: int) -> PythonProgram:
        return inline(
            # It creates the namespace; the others depend on it.
            ("Redis", "cache", {"namespace": "team-rotated", "rotate": {"redis": rotation}}),
            ("PostgreSQL", "data", {**placed, "rotate": {"postgresql": rotation}}),
            (
                "OpenWebUI",
                "chat",
                lambda created: {
                    **placed,
                    "redis": {"external": {"hosts": "redis-service.team-rotated.svc"}},
                    "postgresql": {"external": {"hosts": "postgres.team-rotated.svc"}},
                    "redis_cache_url": created["cache"].redis_cache_url,
                    "database_url": created["data"].database_url,
                    "open_webui": {"replicas": 1},
                },
            ),
        )

    live = Namespace(cluster, "team-rotated")
    stack(1).run("up")
    before = live.secret("redis-config")["cache-url"], live.secret("postgresql-secret")["database-url"]
    changes = stack(2).run("up").changes
    after = live.secret("redis-config")["cache-url"], live.secret("postgresql-secret")["database-url"]
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert live.secret("open-webui-redis-config")["cache-url"] == after[0]
    assert live.secret("open-webui-postgresql-secret")["database-url"] == after[1]
    assert "update Deployment open-webui" in changes
    # The servers load changed passwords while they run.
    assert not {"update Deployment redis", "update StatefulSet postgres"} & changes
    stack(2).run("destroy")
    live.wait_until_gone()


def test_a_protected_database_stays_until_it_is_not_protected(
    inline: Callable[..., PythonProgram], cluster: Cluster
) -> None:
    alone = Namespace(cluster, "team-data")
    arguments = {"namespace": "team-data", "protect": True}
    inline(("PostgreSQL", "database", arguments)).run("up")
    stack = inline(("PostgreSQL", "database", arguments))
    assert "protect" in stack.run("destroy", fails=True).error
    assert alone.core.read_namespaced_persistent_volume_claim("postgres-data", "team-data")

    unprotected = inline(("PostgreSQL", "database", {**arguments, "protect": False}))
    unprotected.run("up")
    unprotected.run("destroy")
    alone.wait_until_gone()
    assert unprotected.resources() == []


@pytest.fixture
def refused(inline: Callable[..., PythonProgram]) -> Callable[..., str]:
    """Previews components with given arguments, which must fail; the error."""
    return lambda *components: inline(*components).run("preview", fails=True).error


def test_an_argument_of_another_component_is_refused(refused: Callable[..., str]) -> None:
    error = refused(("Redis", "cache", {"redis": {"topology": "external", "maxmemroy": "1gb", "external": {}}}))
    assert "The arguments of cache have 3 problems; nothing was changed." in error
    assert "redis.external: not an argument of Redis" in error
    assert "redis.maxmemroy: unknown key, did you mean redis.maxmemory?" in error
    assert "redis.topology: external: the component Redis deploys the servers" in error


def test_a_wrong_url_is_refused_and_not_shown(refused: Callable[..., str]) -> None:
    arguments = {
        "redis": {"external": {"hosts": "redis-service.team-parts.svc"}},
        "postgresql": {"external": {"hosts": "postgres.team-parts.svc"}},
        "redis_cache_url": "redis://:hunter2@elsewhere.example.com:6379/0",
        "open_webui": {"uploads": {"accept_loss": True}},
    }
    error = refused(("OpenWebUI", "chat", arguments))
    assert "redisCacheUrl: the secret redisCacheUrl is invalid: its host is not in redis.external.hosts" in error
    assert "the secret databaseUrl is missing" in error
    assert "hunter2" not in error


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (("Redis", "other", {"namespace": "other"}), "a Pulumi stack has one Redis"),
        (("PostgreSQL", "data", {}), "are both in the namespace rag-system, and both would create it"),
    ],
    ids=["of one type", "two creators of a namespace"],
)
def test_components_that_would_register_the_same_are_refused(
    refused: Callable[..., str], second: Component, message: str
) -> None:
    assert message in refused(("Redis", "cache", {}), second)
