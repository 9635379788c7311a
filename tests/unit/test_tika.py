"""Tika: deployed where the documents need it, restricted, and reachable for the web pods alone."""

from typing import Any

import pytest

from components.blocks.quantities import MEBIBYTE, quantity
from components.tika.memory import BESIDE_THE_HEAP, LEAST_HEAP, heap
from tests.support.unit.config_reports import report
from tests.support.unit.effects_on_documents import DOCLING, EXTERNAL_TIKA
from tests.support.unit.recording import Recording, run


def config(recording: Recording) -> str:
    return str(recording.one("ConfigMap", "tika-config").inputs["data"]["tika-config.xml"])


def test_the_pod_is_restricted_and_writes_to_its_own_directory_alone(dev: Recording) -> None:
    [container] = dev.pods["tika"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/tmp"}
    assert dev.pods["tika"]["automountServiceAccountToken"] is False


def test_the_web_pods_alone_connect_and_it_connects_to_nothing(dev: Recording) -> None:
    spec = dev.one("NetworkPolicy", "tika").inputs["spec"]
    peer = {"podSelector": {"matchLabels": {"app": "open-webui"}}}
    assert spec["ingress"] == [{"from": [peer], "ports": [{"protocol": "TCP", "port": 9998}]}]
    assert not spec["egress"]


@pytest.mark.parametrize(("limit", "expected"), [("1Gi", 672), ("608Mi", LEAST_HEAP), ("2Gi", 1696), ("1G", 601)])
def test_the_heap_follows_from_the_limit(limit: str, expected: int) -> None:
    recording = run("dev", [f"tika.resources.limits.memory={limit}"])
    assert f"<arg>-Xmx{expected}m</arg>" in config(recording)
    assert (expected + BESIDE_THE_HEAP) * MEBIBYTE <= quantity(limit)
    assert heap(limit) == expected


def test_too_little_memory_is_refused() -> None:
    text = report({"tika": {"resources": {"requests": {"memory": "256Mi"}, "limits": {"memory": "607Mi"}}}})
    assert "tika.resources.limits.memory: resources.limits.memory 607Mi is too little" in text
    assert "pulumi config set --path tika.resources.limits.memory 608Mi" in text


def test_temporary_files_fit_into_the_limit_of_the_disk() -> None:
    text = report({"tika": {"temporaryStorage": "2Gi"}})
    assert "tika.temporaryStorage: temporaryStorage 2Gi is above resources.limits.ephemeralStorage 1Gi" in text
    assert "pulumi config set --path tika.temporaryStorage 1Gi" in text


def test_a_new_configuration_rolls_the_pods(dev: Recording) -> None:
    def checksum(recording: Recording) -> Any:
        template = recording.one("Deployment", "tika").inputs["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/config"]

    assert checksum(dev) != checksum(run("dev", ["tika.resources.limits.memory=2Gi"]))


def test_a_budget_comes_with_the_second_replica(dev: Recording, prod: Recording) -> None:
    budgets = [
        {each.name for each in recording.objects if each.kind == "PodDisruptionBudget"} for recording in (dev, prod)
    ]
    assert ["tika" in each for each in budgets] == [False, True]


@pytest.mark.parametrize(
    "sets", [DOCLING, EXTERNAL_TIKA, ("openWebui.documents.extraction.engine=none",)], ids=["docling", "url", "none"]
)
def test_without_a_use_there_is_no_tika_and_the_quota_has_no_room_for_it(sets: tuple[str, ...], dev: Recording) -> None:
    recording = run("dev", sets)
    assert not [each.name for each in recording.objects if each.name.startswith("tika")]
    with_it, without = (
        quantity(each.one("ResourceQuota", "quota").inputs["spec"]["hard"]["limits.memory"])
        for each in (dev, recording)
    )
    assert with_it - without == 2 * quantity("1Gi"), "one replica and the surge of a rolling update"


def test_settings_of_a_tika_that_is_not_deployed_are_refused() -> None:
    documents = {"extraction": {"engine": "docling", "url": "http://docling.documents:5001"}}
    text = report({"tika": {"replicas": 2}, "openWebui": {"documents": documents}})
    assert "tika: tika conflicts with openWebui.documents.extraction.engine docling" in text
    assert "pulumi config rm tika" in text


def test_the_web_pods_connect_without_the_proxy_of_the_stack() -> None:
    containers = run("dev", ["pods.proxy.httpProxy=http://proxy.example.com:3128"]).containers
    variables = {each["name"]: each.get("value") for each in containers["open-webui/open-webui"]["env"]}
    assert "tika" in str(variables["NO_PROXY"]).split(",")
