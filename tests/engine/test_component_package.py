"""The component package: programs in four languages deploy, change and destroy the stack."""

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from devcluster.clusters import simulation
from devcluster.clusters.choice import Cluster
from devcluster.toolchain.go_programs import YAML_HOST, build
from tests.support.engine.command_program import GoProgram, YamlProgram
from tests.support.engine.foreign_program import (
    EXAMPLES,
    ForeignProgram,
    PythonProgram,
    TypeScriptProgram,
    provider_variables,
)
from tests.support.engine.package_sdk import compile_go, compile_typescript, install_python
from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.slow_tier import slow
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace

NAMESPACE = "team-chat"
API_KEY = "sk-foreign/by+the=caller&only"
COMPONENT = "open-webui-stack:index:OpenWebUIStack"
PROVIDER = {"cluster_identifier": NAMESPACE, "enable_secret_mutable": True, "enable_config_map_mutable": True}
"""Options that a component needs."""


@pytest.fixture(scope="module")
def variables(engine_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the engine, with the provider of the package."""
    return provider_variables(engine_environment, tmp_path_factory.mktemp("provider"))


@pytest.fixture(
    scope="module", params=["python", "typescript", pytest.param("go", marks=slow), pytest.param("yaml", marks=slow)]
)
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
    stack = _in_language(request.param, built, directory, variables)
    stack.configure(kubeContext=cluster.context)
    stack.set_secret("openaiApiKey", API_KEY)
    return stack


def _in_language(language: str, built: Path, directory: Path, variables: dict[str, str]) -> ForeignProgram:
    match language:
        case "python":
            return PythonProgram(EXAMPLES / "python" / "__main__.py", directory, variables, install_python(built))
        case "typescript":
            compiled = compile_typescript(built)
            return TypeScriptProgram(compiled / "index.js", compiled / "run.js", directory, variables)
        case "go":
            return GoProgram(compile_go(built), directory, variables)
        case "yaml":
            return YamlProgram(EXAMPLES / "yaml" / "Pulumi.yaml", directory, variables, build(YAML_HOST))
    raise AssertionError(language)


@pytest.fixture
def live(cluster: Cluster) -> Namespace:
    """The namespace of the examples."""
    return Namespace(cluster, NAMESPACE)


def test_a_program_deploys_changes_and_destroys_the_stack(program: ForeignProgram, live: Namespace) -> None:
    preview = program.run("preview")
    assert f"create {COMPONENT.rpartition(':')[2]} chat" in preview.changes
    assert "create Deployment open-webui" in preview.changes
    assert not live.exists()

    created = program.run("up")
    assert live.apps.read_namespaced_deployment("open-webui", NAMESPACE).spec.replicas == 2
    assert API_KEY in live.secret("openwebui-secret").values()
    outputs = program.outputs()
    assert re.fullmatch(r"postgresql://[^:]+:[^@]+@postgres.*", outputs["databaseUrl"])
    secrets = {*secret_values(live), API_KEY}

    [component] = [each for each in program.resources() if each["type"] == COMPONENT]
    assert json.dumps(component["outputs"]["databaseUrl"]).count("ciphertext") == 1
    assert seen_in(json.dumps(program.resources()), secrets) == [], "the state shows secrets"

    program.configure(replicas="101")
    refused = program.run("preview", fails=True)
    assert "The arguments of chat have 1 problem; nothing was changed." in refused.error
    assert "openWebui.replicas: out of range" in refused.error
    assert not {change for change in refused.changes if "Deployment" in change}

    program.configure(replicas="3")
    changed = program.run("up")
    assert changed.changes - PREFLIGHT_AGAIN == {
        "update Deployment open-webui",
        "update ResourceQuota quota",
    }
    assert live.apps.read_namespaced_deployment("open-webui", NAMESPACE).spec.replicas == 3

    destroyed = program.run("destroy")
    assert "delete Deployment open-webui" in destroyed.changes
    live.wait_until_gone()
    assert program.resources() == []
    text = "\n".join(line for run in (preview, created, refused, changed, destroyed) for line in run.text)
    assert seen_in(text, secrets) == [], "a command shows secrets"


@pytest.fixture(scope="module")
def refused(
    variables: dict[str, str], cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., str]:
    """Previews a component with given arguments, which must fail; the error."""
    packages = install_python(tmp_path_factory.mktemp("sdk"))
    directory = tmp_path_factory.mktemp("refused")
    stack = PythonProgram(EXAMPLES / "python" / "__main__.py", directory, variables, packages)

    def refuse(*names: str, provider_options: Mapping[str, Any] | None = PROVIDER, **arguments: Any) -> str:
        def program() -> None:
            package = import_module("pulumi_open_webui_stack")
            provider = {}
            if provider_options is not None:
                provider["kubernetes"] = k8s.Provider("cluster", context=cluster.context, **provider_options)
            for name in names or ("chat",):
                options = pulumi.ResourceOptions(providers=provider)
                package.OpenWebUIStack(name, open_webui={"uploads": {"accept_loss": True}}, opts=options, **arguments)

        stack.program = program
        run = stack.run("preview", fails=True)
        assert not {change for change in run.changes if "Deployment" in change}
        return run.error

    return refuse


def test_an_unknown_argument_has_the_message_of_the_config_key(refused: Callable[..., str]) -> None:
    error = refused(redis={"maxmemroy": "1gb", "topology": "sentinl"}, protect="yes")
    assert "The arguments of chat have 3 problems; nothing was changed." in error
    assert "redis.maxmemroy: unknown key, did you mean redis.maxmemory?" in error
    assert "redis.topology: not an allowed value\n  value:    sentinl\n  allowed:  standalone | sentinel" in error
    assert "protect: wrong type" in error
    assert "Traceback" not in error.partition("python inline source runtime error")[0]


def test_a_component_without_a_provider_is_refused(refused: Callable[..., str]) -> None:
    assert "chat has no Kubernetes provider" in refused(provider_options=None)


def test_a_provider_with_wrong_options_is_refused(refused: Callable[..., str]) -> None:
    error = refused(provider_options={"enable_config_map_mutable": True})
    assert "The Kubernetes provider of chat has 2 problems; nothing was changed." in error
    assert "enableSecretMutable: off, so a changed Secret would be replaced" in error
    assert "clusterIdentifier: missing" in error
    assert "Traceback" not in error.partition("python inline source runtime error")[0]
    assert "enableConfigMapMutable: off" in refused(provider_options={**PROVIDER, "enable_config_map_mutable": False})


def test_a_wrong_secret_is_refused_and_not_shown(refused: Callable[..., str]) -> None:
    external = {"topology": "external", "external": {"hosts": "redis.example.com"}}
    error = refused(redis=external, redis_cache_url="redis://:hunter2@elsewhere.example.com:6379/0")
    assert "redisCacheUrl: " in error
    assert "hunter2" not in error


def test_a_second_component_is_refused(refused: Callable[..., str]) -> None:
    assert "a Pulumi stack has one OpenWebUIStack" in refused("chat", "other")
