"""Ollama: off by default; its pods, its network rules, its Job, and what the web pods know of it."""

import json

import pytest

from components.ollama.settings import OllamaSettings
from stack_config.load import ConfigError
from tests.support.unit.recording import Recording, run

_POLICY = "NetworkPolicy"


@pytest.fixture(scope="module")
def serving() -> Recording:
    return run(
        "dev",
        [
            "ollama.enabled=true",
            "ollama.models[0]=llama3.2:3b",
            "ollama.models[1]=registry.example.com:5000/team/small:1",
            "ollama.gpu.count=1",
        ],
    )


def test_it_is_off_by_default(dev: Recording) -> None:
    assert not [each for each in dev.objects if each.name.startswith("ollama")]


def test_the_server_writes_to_volumes_alone(serving: Recording) -> None:
    container = serving.containers["ollama/ollama"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {variables["OLLAMA_MODELS"], variables["HOME"], "/tmp"} == mounts
    volumes = {volume["name"]: volume for volume in serving.pods["ollama"]["volumes"]}
    assert volumes["models"]["persistentVolumeClaim"] == {"claimName": "ollama-models"}


def test_the_old_pod_releases_volume_and_gpus_before_the_next_one_starts(serving: Recording) -> None:
    assert serving.one("Deployment", "ollama").inputs["spec"]["strategy"] == {"type": "Recreate"}
    resources = serving.containers["ollama/ollama"]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "1"


def test_web_pods_and_the_job_connect_and_no_others(serving: Recording) -> None:
    [ingress] = serving.one(_POLICY, "ollama").inputs["spec"]["ingress"]
    assert [peer["podSelector"]["matchLabels"]["app"] for peer in ingress["from"]] == ["open-webui", "ollama-pull"]
    assert [port["port"] for port in ingress["ports"]] == [11434]
    to_ollama = {"to": [{"podSelector": {"matchLabels": {"app": "ollama"}}}], "ports": ingress["ports"]}
    assert serving.one(_POLICY, "ollama-pull").inputs["spec"]["egress"] == [to_ollama]
    assert to_ollama in serving.one(_POLICY, "open-webui").inputs["spec"]["egress"]


def test_the_server_connects_to_the_registries_of_its_models_alone(serving: Recording) -> None:
    egress = serving.one(_POLICY, "ollama").inputs["spec"]["egress"]
    assert [port["port"] for rule in egress for port in rule["ports"]] == [443, 5000]
    assert "0.0.0.0/0" in json.dumps(egress)
    without = run("dev", ["ollama.enabled=true"])
    assert without.one(_POLICY, "ollama").inputs["spec"]["egress"] == []
    assert "ollama-pull" not in without.every_pod


@pytest.mark.parametrize(
    ("model", "host", "port"),
    [
        ("llama3.2", "*", 443),
        ("team/llama3.2:3b", "*", 443),
        ("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "hf.co", 443),
        ("registry.example.com:5000/library/tiny:1", "registry.example.com", 5000),
    ],
)
def test_a_name_of_a_model_leads_to_its_registry(model: str, host: str, port: int) -> None:
    [registry] = OllamaSettings(models=[model]).registries
    assert (registry.host, registry.port) == (host, port)


def test_the_job_starts_after_the_server_and_runs_again_for_other_models(serving: Recording) -> None:
    job = serving.one("Job", "ollama-pull")
    assert serving.one("Deployment", "ollama").urn in serving.waits_for(job)
    assert (job.replace_on_changes, job.delete_before_replace) == (("spec",), True)
    assert serving.containers["ollama-pull/pull"]["command"][-2:] == [
        "llama3.2:3b",
        "registry.example.com:5000/team/small:1",
    ]


def test_the_web_pods_use_it_beside_other_servers() -> None:
    recording = run("dev", ["ollama.enabled=true", "openWebui.models.ollama.big.url=http://big.models.svc:11434"])
    variables = {v["name"]: v.get("value") for v in recording.containers["open-webui/migrate"]["env"]}
    assert variables["OLLAMA_BASE_URLS"] == "http://ollama.rag-system.svc:11434;http://big.models.svc:11434"
    assert variables["ENABLE_OLLAMA_API"] == "true"
    assert variables["STORED_SETTINGS"] == "ENABLE_OLLAMA_API,OLLAMA_API_CONFIGS,OLLAMA_BASE_URLS"


def test_the_volume_is_protected_like_the_database() -> None:
    recording = run("dev", ["ollama.enabled=true", "protect=true"])
    volume = recording.one("PersistentVolumeClaim", "ollama-models")
    assert (volume.protect, volume.retain_on_delete) == (True, True)


def test_requests_above_limits_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"ollama\.resources\.requests\.memory"):
        run("dev", ["ollama.enabled=true", "ollama.resources.requests.memory=32Gi"])
