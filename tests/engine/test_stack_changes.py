"""A change of one setting touches what it should, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.engine.stack import PREFLIGHT_AGAIN, Stack

pytest_plugins = ("tests.support.engine.stack_fixtures",)

CHANGES: dict[str, set[str]] = {
    "redis.maxmemory=1gb": {"update ConfigMap redis-conf", "update Deployment redis", "update ResourceQuota quota"},
    "redis.maxmemoryPolicy=noeviction": {"update ConfigMap redis-conf", "update Deployment redis"},
    "redis.image=registry.example.com/redis:7.4-alpine": {"update Deployment redis"},
    "redis.resources.limits.cpu=1": {"update Deployment redis", "update ResourceQuota quota"},
    "postgresql.image=registry.example.com/pgvector:pg17": {
        "update Stash postgresql-data",
        "update StatefulSet postgres",
    },
    "postgresql.storage.size=6Gi": {"update PersistentVolumeClaim postgres-data"},
    "postgresql.resources.limits.memory=3Gi": {
        "update ConfigMap postgres-conf",
        "update StatefulSet postgres",
        "update ResourceQuota quota",
    },
    "openWebui.replicas=3": {"update Deployment open-webui", "update ResourceQuota quota", *PREFLIGHT_AGAIN},
    "openWebui.logLevel=WARNING": {"update Deployment open-webui", *PREFLIGHT_AGAIN},
    "openWebui.variant=full": {
        "update Deployment open-webui",
        "update Stash open-webui-release",
        *PREFLIGHT_AGAIN,
    },
    "openWebui.host=chat.example.com": {"update Deployment open-webui", *PREFLIGHT_AGAIN},
    "openWebui.env.ENABLE_COMMUNITY_SHARING=false": {"update Deployment open-webui", *PREFLIGHT_AGAIN},
    "openWebui.adminEmail=root@example.com": {
        "update Secret openwebui-admin",
        "update Deployment open-webui",
        *PREFLIGHT_AGAIN,
    },
    "openWebui.ollamaBaseUrl=http://10.0.0.9:11434": {
        "update Deployment open-webui",
        "update NetworkPolicy open-webui",
        *PREFLIGHT_AGAIN,
    },
    "openWebui.uploads.kind=volume": {
        "create PersistentVolumeClaim open-webui-uploads",
        "update Deployment open-webui",
        "update ResourceQuota quota",
    },
    "monitoring.enabled=true": {
        "update Deployment redis",
        "update NetworkPolicy redis",
        "update ConfigMap postgres-conf",
        "update StatefulSet postgres",
        "update NetworkPolicy postgres",
        "update ResourceQuota quota",
    },
}


@pytest.mark.parametrize("assignment", CHANGES)
def test_one_setting_changes_only_what_it_is_about(base: Stack, assignment: str) -> None:
    assert base.preview(assignment).changes == CHANGES[assignment]


def test_an_ingress_comes_with_the_way_through_the_network_policy(base: Stack) -> None:
    run = base.preview(
        "openWebui.host=chat.example.com", "openWebui.ingress.enabled=true", "openWebui.ingress.className=nginx"
    )
    assert run.changes == {
        "create Ingress open-webui",
        "update Deployment open-webui",
        "update NetworkPolicy open-webui",
        *PREFLIGHT_AGAIN,
    }


def test_a_wider_budget_changes_the_budget(base: Stack) -> None:
    assert base.preview("openWebui.replicas=3", "openWebui.maxUnavailable=2").changes == {
        "update Deployment open-webui",
        "update PodDisruptionBudget open-webui",
        "update ResourceQuota quota",
        *PREFLIGHT_AGAIN,
    }


def test_protection_is_no_change_of_any_object(base: Stack) -> None:
    assert base.preview("protect=true").changes == set()


def test_another_namespace_is_shown_as_the_replacement_of_everything(base: Stack) -> None:
    changes = base.preview("namespace=rag-elsewhere").changes
    inside = {
        name
        for name, resource in base.resources().items()
        if resource["type"].startswith("kubernetes:") and resource["custom"]
    }
    assert {change.partition(" ")[2] for change in changes if change.startswith("create-replacement")} == inside
    assert {change.partition(" ")[2] for change in changes if change.startswith("delete-replaced")} == inside
    assert len(changes) == 2 * len(inside), "something else is changed, too"


def test_a_context_that_was_renamed_replaces_nothing(base: Stack, tmp_path: Path) -> None:
    before = base.cluster
    assert before.kubeconfig
    contents = yaml.safe_load(before.kubeconfig.read_text())
    contents["contexts"] = [{**contents["contexts"][0], "name": "renamed"}]
    contents["current-context"] = "renamed"
    renamed = tmp_path / "kubeconfig"
    renamed.write_text(yaml.safe_dump(contents))
    try:
        base.use(replace(before, kubeconfig=renamed, context="renamed"))
        assert base.config()["open-webui-stack:kubeContext"] == "renamed"
        assert base.preview().changes <= {"update Provider cluster", "update kubernetes cluster"}
    finally:
        base.use(before)
