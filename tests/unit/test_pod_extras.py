"""Volumes and containers that a component's pods get beside the stack's own, and the proxy and the bundle."""

import pulumi
import pytest

from components.blocks.quantities import quantity
from stack_config.load import ConfigError
from tests.support.unit.effects import BACKUP, BACKUP_BUCKET
from tests.support.unit.effects_on_archive import ON as ARCHIVE
from tests.support.unit.effects_on_archive import SECRETS as ARCHIVE_SECRETS
from tests.support.unit.effects_on_cloudnative_pg import ON as CLOUDNATIVE_PG
from tests.support.unit.pod_effects import container
from tests.support.unit.recording import Recording, run

AGENT = container("extraContainers", "agent", "agent:1.0")
SIDECAR = tuple(f"openWebui.pods.{each}" for each in AGENT)
INIT = container("openWebui.pods.extraInitContainers", "prepare", "prepare:1.0")
PROXY = "pods.proxy.httpsProxy=http://proxy.example.com:3128"


@pytest.fixture(scope="module")
def extended() -> Recording:
    return run("dev", [*SIDECAR, *INIT, "openWebui.pods.extraContainers[0].securityContext.runAsUser=4711"])


def test_extras_are_in_the_pods_of_the_main_workload_alone(extended: Recording) -> None:
    pods = extended.every_pod
    assert [each["name"] for each in pods["open-webui"]["containers"]] == ["open-webui", "agent"]
    assert pods["open-webui"]["initContainers"][0]["name"] == "prepare"
    assert [each["name"] for each in pods["open-webui-preflight"]["containers"]] == ["preflight"]
    assert [each["name"] for each in pods["redis"]["containers"]] == ["redis"]


def test_an_extra_container_is_restricted_and_keeps_its_own_user(extended: Recording) -> None:
    agent = extended.containers["open-webui/agent"]
    assert agent["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsUser": 4711,
    }
    assert agent["imagePullPolicy"] == "IfNotPresent"


def test_the_quota_counts_extra_containers_in_every_pod(dev: Recording, extended: Recording) -> None:
    without, hard = (each.one("ResourceQuota", "quota").inputs["spec"]["hard"] for each in (dev, extended))
    more = quantity(hard["limits.memory"]) - quantity(without["limits.memory"])
    web_pods = int(more / (2 * quantity("16Mi")))
    assert more == 2 * web_pods * quantity("16Mi")
    assert web_pods >= dev.one("Deployment", "open-webui").inputs["spec"]["replicas"] + 1


def test_the_backup_ends_whatever_runs_beside_it() -> None:
    with pytest.raises(ConfigError, match="would not end"):
        run("dev", [*BACKUP, *container("backup.pods.extraContainers", "agent", "agent:1.0")])


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["extraVolumes[0].name=x", "extraVolumes[0].hostPath.path=/"], "hostPath is not"),
        (["extraVolumes[0].name=X_Y", "extraVolumes[0].secret.secretName=a"], "not a name"),
        (["extraVolumeMounts[0].name=x", "extraVolumeMounts[0].mountPath=/x"], "no volume"),
        ([*AGENT, "extraContainers[0].securityContext.privileged=true"], "privileged is set by"),
        ([*AGENT, "extraContainers[0].securityContext.runAsUser=0"], "is root"),
        ([*AGENT, "extraContainers[0].image=agent:latest"], "image of a fixed version"),
        ([*AGENT, "extraContainers[0].resources.limits.memory=much"], "limits.memory is not a quantity"),
        (AGENT[:-1], "resources.limits.ephemeral-storage is missing"),
        ([*AGENT, "extraContainers[0].ports[0].containerPort=1", "extraContainers[0].ports[0].hostPort=1"], "hostPort"),
        (
            [*AGENT, "extraContainers[0].env[0].name=API_TOKEN", "extraContainers[0].env[0].value=hunter2"],
            "API_TOKEN has a secret in plain text",
        ),
    ],
)
def test_what_the_namespace_would_not_admit_is_refused(sets: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        run("dev", [f"openWebui.pods.{each}" for each in sets])
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_name_of_the_stacks_own_is_refused() -> None:
    for name, kind in (("open-webui", "extraContainers"), ("migrate", "extraInitContainers")):
        with pytest.raises(pulumi.RunError, match=f"{name} is already used in the pod"):
            run("dev", container(f"openWebui.pods.{kind}", name, "agent:1.0"))
    volume = ["openWebui.pods.extraVolumes[0].name=tmp", "openWebui.pods.extraVolumes[0].secret.secretName=a"]
    with pytest.raises(pulumi.RunError, match="extraVolumes: tmp is already used"):
        run("dev", volume)


def test_the_proxy_is_opened_in_the_network_policy_and_the_clusters_own_names_are_not_behind_it() -> None:
    recording = run("dev", [PROXY, "openWebui.ollamaBaseUrl=http://ollama.models:11434"])
    egress = recording.one("NetworkPolicy", "open-webui").inputs["spec"]["egress"]
    assert any(port["port"] == 3128 for rule in egress for port in rule.get("ports", []))
    variables = {each["name"]: each.get("value") for each in recording.containers["open-webui/open-webui"]["env"]}
    assert {"ollama.models", "tika", ".svc", "localhost"} <= set(str(variables["NO_PROXY"]).split(","))
    assert variables["https_proxy"] == "http://proxy.example.com:3128"
    assert "HTTP_PROXY" not in variables
    assert "HTTPS_PROXY" not in str(recording.pods["redis"]), "Redis connects to nothing"


def test_a_private_proxy_needs_its_addresses() -> None:
    private = "pods.proxy.httpsProxy=http://proxy.corp.internal:3128"
    with pytest.raises(ConfigError, match=r"proxy\.corp\.internal:3128 \(pods\.proxy\.httpsProxy\)"):
        run("dev", [private])
    run("dev", [private, "openWebui.egress[0]=10.20.0.0/16:3128"])


def test_each_container_that_connects_to_a_bucket_has_the_proxy_and_the_authorities() -> None:
    outside = [PROXY, "pods.caBundle.configMap=private-ca"]
    recording = run("dev", [*outside, *ARCHIVE, *BACKUP_BUCKET], secrets=ARCHIVE_SECRETS)
    with_proxy = {
        name
        for name, container in recording.containers.items()
        if "https_proxy" in {each["name"] for each in container.get("env", ())}
    }
    assert {name for name in with_proxy if name.startswith("postgres/")} == {"postgres/archive"}
    for pod in ("postgres", "postgres-backup"):
        egress = recording.one("NetworkPolicy", pod).inputs["spec"]["egress"]
        assert any(port["port"] == 3128 for rule in egress for port in rule.get("ports", []))
    [volume] = [each for each in recording.every_pod["postgres"]["volumes"] if each["name"] == "private-ca"]
    assert volume["configMap"]["name"] == "private-ca"
    assert "private-ca" in {each["name"] for each in recording.containers["postgres/archive"]["volumeMounts"]}
    assert "private-ca" not in {each["name"] for each in recording.containers["postgres/postgres"]["volumeMounts"]}
    # Without the archive the pod connects to nothing, and changes with neither.
    assert run("dev", outside).every_pod["postgres"] == run("dev").every_pod["postgres"]


def test_a_private_proxy_of_a_bucket_needs_its_addresses() -> None:
    private = "pods.proxy.httpsProxy=http://proxy.corp.internal:3128"
    web = "openWebui.egress[0]=10.20.0.0/16:3128"
    for sets in ([private, web, *ARCHIVE], [private, web, *ARCHIVE, *CLOUDNATIVE_PG]):
        with pytest.raises(ConfigError, match=r"postgresql\.archive\.s3\.egress"):
            run("dev", sets, secrets=ARCHIVE_SECRETS)
        run("dev", [*sets, "postgresql.archive.s3.egress[0]=10.20.0.0/16:3128"], secrets=ARCHIVE_SECRETS)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["pods.proxy.httpsProxy=http://user:hunter2@proxy:3128"], "credentials"),
        (["pods.proxy.noProxy[0]=.example.com"], "there is no proxy"),
        ([PROXY, "pods.proxy.noProxy[0]=*"], "not a host"),
        ([PROXY, "openWebui.env.NO_PROXY=x"], "openWebui.env.NO_PROXY conflicts with pods.proxy"),
        (["pods.caBundle.secret=a", "pods.caBundle.configMap=b"], "conflicts with configMap"),
        (["pods.caBundle.key=a"], "there is no bundle"),
        (["pods.caBundle.secret=a", "openWebui.env.SSL_CERT_FILE=/x"], "conflicts with pods.caBundle"),
        (["redis.pods.proxy.httpsProxy=http://proxy:3128"], "unknown key"),
    ],
)
def test_a_wrong_proxy_or_bundle_is_refused(sets: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        run("dev", sets)
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_bundle_is_written_before_any_container_reads_it() -> None:
    pods = run("dev", ["pods.caBundle.secret=private-ca"]).every_pod
    for name in ("open-webui", "open-webui-preflight"):
        first = pods[name]["initContainers"][0]
        assert first["name"] == "ca-bundle"
        assert [each["mountPath"] for each in first["volumeMounts"]] == ["/etc/private-ca", "/etc/ca-bundle"]
        for each in [*pods[name]["initContainers"][1:], *pods[name]["containers"]]:
            assert {"name": "ca-bundle", "mountPath": "/etc/ca-bundle", "readOnly": True} in each["volumeMounts"]
    assert "ca-bundle" not in str(pods["redis"])
