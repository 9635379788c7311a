"""Custom kinds that a stack needs: the settings name each one that the program creates, and the cluster is asked."""

import ast
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.blocks import custom_kinds
from components.blocks.custom_kinds import CustomKind, KindsNeeded
from stack_config import cluster_questions
from stack_config.cluster_access import in_context
from stack_config.cluster_checks import questions, require
from stack_config.cluster_questions import NotAskedError, asks
from stack_config.files import ROOT, read_stack
from stack_config.load import ConfigError, parse
from stack_config.served_kinds import kinds_question, missing_kinds
from stack_config.settings import StackSettings
from tests.support.unit.cluster_warnings import warnings as warnings
from tests.support.unit.recording import run

PROD = in_context("prod")

OPERATOR = ("monitoring.enabled=true", "monitoring.operator=true")
ISSUER = ("redis.tls.issuer.name=ca", "postgresql.tls.issuer.name=ca")
EXPOSED = ("openWebui.host=chat.example.com", "openWebui.ingress.enabled=true")
GATEWAY = ("openWebui.host=chat.example.com", "openWebui.gateway.enabled=true")
CLOUDNATIVE_PG = ("postgresql.topology=cloudnative-pg", "postgresql.resources.limits.memory=3Gi")
EXTERNAL = ("redis.topology=external", "redis.external.hosts=redis.example.com")
BUILT_IN = (
    "kubernetes:core/",
    "kubernetes:apps/",
    "kubernetes:batch/",
    "kubernetes:policy/",
    "kubernetes:autoscaling/",
    "kubernetes:networking.k8s.io/",
)


ARCHIVE = ("postgresql.archive.enabled=true", "postgresql.archive.s3.bucket=backups")


def secrets_of(sets: tuple[str, ...]) -> dict[str, str]:
    external = {"redisCacheUrl": "redis://redis.example.com"} if "redis.topology=external" in sets else {}
    archive = {"archiveS3AccessKeyId": "id", "archiveS3SecretAccessKey": "secret"} if ARCHIVE[0] in sets else {}
    return {**external, **archive}


def settings_of(*sets: str) -> StackSettings:
    config = read_stack("dev", ["kubeContext=test", *sets])
    secrets = {f"open-webui-stack:{name}": value for name, value in secrets_of(sets).items()}
    return parse({**config.values, **secrets}, [*secrets])


@pytest.mark.parametrize(
    "sets",
    [
        (),
        OPERATOR,
        ISSUER,
        (*OPERATOR, *ISSUER, "redis.topology=cluster"),
        (*OPERATOR, *EXTERNAL),
        (*EXPOSED, "openWebui.ingress.className=cilium"),
        (*EXPOSED, "openWebui.ingress.className=nginx"),
        ("openWebui.ingress.controller=cilium",),
        (*GATEWAY, "openWebui.gateway.className=cilium"),
        (*GATEWAY, "openWebui.gateway.controller=traefik", "openWebui.gateway.parentRef.name=public"),
        (*EXPOSED, "openWebui.ingress.className=traefik", "openWebui.ingress.retryConnections=true"),
        (*GATEWAY, "openWebui.gateway.className=traefik", "openWebui.gateway.retryConnections=true"),
        CLOUDNATIVE_PG,
        (*CLOUDNATIVE_PG, "postgresql.pooler.enabled=true", *OPERATOR),
        (*CLOUDNATIVE_PG, *ARCHIVE),
    ],
    ids=" ".join,
)
def test_the_settings_name_every_custom_kind_that_the_program_creates(sets: tuple[str, ...]) -> None:
    recording = run("dev", sets, secrets_of(sets))
    created = {
        (resource.inputs["apiVersion"], resource.inputs["kind"])
        for resource in recording.objects
        if not resource.type.startswith(BUILT_IN)
    }
    needed = {(kind.api_version, kind.kind) for needs in settings_of(*sets).kinds_needed for kind in needs.kinds}
    assert needed == created


def test_nothing_else_creates_one() -> None:
    """Else the cluster would not be asked for it."""
    using = {
        file.relative_to(ROOT)
        for file in [ROOT / "__main__.py", *(ROOT / "components").rglob("*.py")]
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Name) and node.id == "CustomResource")
        or (isinstance(node, ast.Attribute) and node.attr == "CustomResource")
    }
    assert using == {Path("components/blocks/custom_kinds.py")}


GROUPS = {
    "/apis": {"groups": [{"name": "monitoring.coreos.com", "versions": [{"groupVersion": "monitoring.coreos.com/v1"}]}]}
}
OPERATOR_NEEDS = settings_of(*OPERATOR).kinds_needed


def answers(*kinds: str) -> Mapping[str, dict[str, Any]]:
    return {**GROUPS, "/apis/monitoring.coreos.com/v1": {"resources": [{"kind": kind} for kind in kinds]}}


def test_kinds_that_are_served_are_no_finding() -> None:
    served = answers("ServiceMonitor", "PrometheusRule", "Prometheus")
    assert list(missing_kinds(OPERATOR_NEEDS, PROD, served.__getitem__)) == []


@pytest.mark.parametrize(
    ("served", "missing"),
    [
        (
            {"/apis": {"groups": []}},
            "ServiceMonitor (monitoring.coreos.com/v1), PrometheusRule (monitoring.coreos.com/v1)",
        ),
        (answers("ServiceMonitor"), "PrometheusRule (monitoring.coreos.com/v1)"),
    ],
)
def test_the_finding_names_the_key_the_kinds_and_the_commands(served: dict[str, Any], missing: str) -> None:
    [finding] = missing_kinds(OPERATOR_NEEDS, PROD, served.__getitem__)
    assert finding.key == "monitoring.operator"
    assert f"does not serve {missing}; the Prometheus operator is not installed there" in finding.message
    install, off = finding.commands
    assert install.startswith("kubectl --context=prod apply --server-side -f https://github.com/prometheus-operator/")
    assert off == "pulumi config set --path monitoring.operator false"


def test_each_key_has_a_finding_of_its_own() -> None:
    needed = settings_of(*OPERATOR, *ISSUER, *EXPOSED, "openWebui.ingress.className=cilium").kinds_needed
    findings = list(missing_kinds(needed, PROD, lambda _: {"groups": []}))
    assert [finding.commands[1] for finding in findings] == [
        "pulumi config set --path monitoring.operator false",
        "pulumi config rm --path redis.tls.issuer.name",
        "pulumi config rm --path postgresql.tls.issuer.name",
        "pulumi config set --path openWebui.ingress.controller <controller>",
    ]
    assert "install Cilium: https://docs.cilium.io/" in findings[3].commands[0]


def kubectl(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = directory / "kubectl"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Unable to connect to the server' >&2; exit 1", "Unable to connect to the server"),
        ("exit 3", "kubectl failed with exit code 3"),
        ("echo '<html>'", "/apis was not answered with JSON"),
    ],
)
def test_a_cluster_that_cannot_be_asked_is_a_warning(
    script: str, reason: str, warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, script, monkeypatch)
    require([kinds_question(OPERATOR_NEEDS, PROD, asks(PROD))])
    [warning] = warnings
    assert warning.startswith("not checked whether the cluster serves the custom kinds that monitoring.operator needs")
    assert reason in warning


def test_a_machine_without_kubectl_is_a_warning(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    require([kinds_question(OPERATOR_NEEDS, PROD, asks(PROD))])
    assert "kubectl is not on PATH" in warnings[0]


def test_the_context_of_the_stack_is_asked(
    warnings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, f'echo "$@" >> {tmp_path}/asked; echo \'{{"groups": []}}\'', monkeypatch)
    with pytest.raises(
        ConfigError, match=r"has 1 problem; nothing was changed\.\n\nmonitoring\.operator: the cluster of"
    ):
        require([kinds_question(OPERATOR_NEEDS, PROD, asks(PROD))])
    [asked] = (tmp_path / "asked").read_text().splitlines()
    assert asked == "--context=prod --request-timeout=10s get --raw /apis"
    assert warnings == []


def test_without_custom_kinds_and_under_mocks_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    monkeypatch.setattr(cluster_questions, "get_monitor", object)
    assert list(questions(settings_of(), PROD)) == []
    monkeypatch.undo()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    run("dev", OPERATOR)


def test_every_kind_is_served_by_something_with_a_page() -> None:
    kinds = [value for value in vars(custom_kinds).values() if isinstance(value, CustomKind)]
    assert len(kinds) >= 4
    assert all(kind.served_by.docs.startswith("https://") for kind in kinds)


def test_a_cluster_that_fails_in_between_is_not_taken_for_one_without_the_kind() -> None:
    def ask(path: str) -> dict[str, Any]:
        if path == "/apis":
            return GROUPS["/apis"]
        raise NotAskedError("timeout")

    needed: tuple[KindsNeeded, ...] = OPERATOR_NEEDS
    with pytest.raises(NotAskedError):
        list(missing_kinds(needed, PROD, ask))


def test_a_certificate_of_an_ingress_needs_cert_manager() -> None:
    needed = settings_of(
        *EXPOSED, "openWebui.ingress.className=traefik", "openWebui.ingress.issuer.name=acme"
    ).kinds_needed
    [finding] = missing_kinds(needed, PROD, lambda _: {"groups": []})
    assert finding.key == "openWebui.ingress.issuer.name"
    assert "cert-manager is not installed there" in finding.message
    assert finding.commands[1] == "pulumi config rm --path openWebui.ingress.issuer.name"
