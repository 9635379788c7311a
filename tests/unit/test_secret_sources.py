"""Secrets by name in `secretEnv` and by reference in `existingSecrets`: what pods read, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.open_webui.files.startup.output import secrets as redacted
from stack_config.files import ENCRYPTED, read_stack
from stack_config.load import PROJECT, ConfigError, parse
from stack_config.secret_sources import plain_members
from stackctl.engine.environment import check_config
from stackctl.options import Overrides
from tests.support.unit.recording import Recording, plain, run
from tests.support.unit.uploads_in_pods import accepted

WEB = "open-webui/open-webui"
READERS = (WEB, "open-webui/migrate", "open-webui-preflight/preflight")
"""Containers with the environment of Open WebUI."""
VALUE = "hunter2-of-the-operator"


def sources(recording: Recording, container: str = WEB) -> dict[str, tuple[str, str]]:
    """Secret and key of each variable that comes from a Secret."""
    references = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in recording.containers[container]["env"]
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    return {name: (reference["name"], reference["key"]) for name, reference in references.items()}


def annotations(recording: Recording, kind: str, name: str) -> dict[str, Any]:
    metadata = recording.one(kind, name).inputs["spec"]["template"]["metadata"]
    return dict(metadata.get("annotations", {}))


def reference(name: str, secret: str = "sso", key: str = "client-secret") -> list[str]:
    return [f"existingSecrets.{name}.name={secret}", f"existingSecrets.{name}.key={key}"]


def report(values: dict[str, Any], encrypted: set[str]) -> str:
    """The report on a config, which must be refused."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    config = accepted({f"{PROJECT}:kubeContext": "test", **{f"{PROJECT}:{key}": text for key, text in texts.items()}})
    with pytest.raises(ConfigError) as error:
        parse(config, {f"{PROJECT}:{key}" for key in encrypted})
    assert VALUE not in str(error.value)
    return str(error.value)


def test_a_member_of_the_map_is_in_the_secret_and_in_every_container_of_open_webui() -> None:
    recording = run("dev", secrets={"secretEnv": json.dumps({"FEISHU_CLIENT_SECRET": VALUE, "ACME_LOGIN": VALUE})})
    contents = plain(recording.one("Secret", "openwebui-secret").inputs["stringData"])
    assert (contents["FEISHU_CLIENT_SECRET"], contents["ACME_LOGIN"]) == (VALUE, VALUE)
    for container in READERS:
        for name in ("FEISHU_CLIENT_SECRET", "ACME_LOGIN"):
            assert sources(recording, container)[name] == ("openwebui-secret", name)


def test_the_scripts_do_not_print_the_secret_of_a_plugin() -> None:
    recording = run("dev", secrets={"secretEnv": json.dumps({"FEISHU_CLIENT_SECRET": VALUE, "ACME_LOGIN": VALUE})})
    variables = {each["name"]: each.get("value", "") for each in recording.containers["open-webui/migrate"]["env"]}
    assert variables["REDACTED_VARIABLES"] == "ACME_LOGIN"
    assert redacted({"REDACTED_VARIABLES": "ACME_LOGIN", "ACME_LOGIN": VALUE}) == [VALUE]
    assert redacted({"ACME_LOGIN": VALUE}) == [], "the control: its name says nothing"


def test_a_member_counts_as_the_flat_key_of_its_name() -> None:
    by_member = run("dev", secrets={"secretEnv": json.dumps({"FEISHU_CLIENT_SECRET": VALUE})})
    flat = run("dev", secrets={"FEISHU_CLIENT_SECRET": VALUE})
    assert by_member.containers == flat.containers


def test_a_reference_replaces_the_value_in_every_container_of_open_webui() -> None:
    sets = ["openWebui.openaiApiBaseUrl=https://models.example.com/v1", *reference("openaiApiKey", "llm", "api-key")]
    recording = run("dev", sets)
    for container in READERS:
        assert sources(recording, container)["OPENAI_API_KEY"] == ("llm", "api-key")
    assert "openai-api-key" not in plain(recording.one("Secret", "openwebui-secret").inputs["stringData"])


@pytest.mark.parametrize("name", ["WEBUI_SECRET_KEY", "MFA_ENCRYPTION_KEY", "WEBUI_ADMIN_PASSWORD"])
def test_a_reference_replaces_what_the_stack_generates(name: str, dev: Recording) -> None:
    recording = run("dev", reference(name, "vault", "value"))
    assert sources(recording)[name] == ("vault", "value")
    assert {key: value for key, value in sources(recording).items() if key != name} == {
        key: value for key, value in sources(dev).items() if key != name
    }


def test_the_password_of_the_administrator_is_not_generated_beside_a_reference() -> None:
    recording = run("dev", reference("WEBUI_ADMIN_PASSWORD"))
    assert set(plain(recording.one("Secret", "openwebui-admin").inputs["stringData"])) == {"email"}
    assert recording.outputs["admin_password"] == (None, False)
    assert not [each for each in recording.resources if each.name.startswith("openwebui-admin-password")]


def test_the_urls_of_an_external_redis_by_reference() -> None:
    external = [
        "redis.topology=external",
        "redis.external.hosts=redis.example.com",
        *reference("redisCacheUrl", "redis"),
    ]
    recording = run("dev", external)
    for container in READERS:
        urls = {name: sources(recording, container)[name] for name in ("REDIS_URL", "WEBSOCKET_REDIS_URL")}
        assert set(urls.values()) == {("redis", "client-secret")}
    assert not [each for each in recording.objects if each.name == "redis-config"]
    assert "checksum/redis-config" not in annotations(recording, "Deployment", "open-webui")
    assert recording.outputs["redis_cache_url"] == (None, False)


def test_one_url_of_an_external_redis_by_reference_and_one_by_value() -> None:
    external = [
        "redis.topology=external",
        "redis.external.hosts=redis.example.com",
        *reference("redisCacheUrl", "redis"),
    ]
    recording = run("dev", external, {"redisWebsocketUrl": "redis://:s3cret@redis.example.com:6379/1"})
    assert sources(recording)["REDIS_URL"] == ("redis", "client-secret")
    assert sources(recording)["WEBSOCKET_REDIS_URL"] == ("redis-config", "websocket-url")
    assert set(plain(recording.one("Secret", "redis-config").inputs["stringData"])) == {"websocket-url"}


def test_the_rotation_counter_is_on_the_pods_that_read_a_reference_alone(dev: Recording) -> None:
    recording = run("dev", [*reference("FEISHU_CLIENT_SECRET"), "rotate.existingSecrets=2"])
    for kind, name in (("Deployment", "open-webui"), ("Job", "open-webui-preflight")):
        assert annotations(recording, kind, name)["existing-secrets/rotation"] == "2"
        assert "existing-secrets/rotation" not in annotations(dev, kind, name)
    for kind, name in (("Deployment", "redis"), ("StatefulSet", "postgres")):
        assert annotations(recording, kind, name) == annotations(dev, kind, name)


def test_a_proxy_of_the_pods_and_a_secret_proxy_are_two_values() -> None:
    proxy = {"httpsProxy": "http://proxy.example.com:3128"}
    text = report(
        {"secretEnv": {"HTTPS_PROXY": f"http://u:{VALUE}@proxy:3128"}, "pods": {"proxy": proxy}}, {"secretEnv"}
    )
    assert "pods.proxy: HTTPS_PROXY is also a secret of the config" in text


MEMBERS = {
    "WEBUI_SECRET_KEY": "is set by the stack itself, from rotate.openWebui",
    "OPENAI_API_KEY": "is set by the stack itself, from the secret openaiApiKey",
    "DATABASE_URL": "is set by the stack itself",
    "PATH": "is refused",
    "ENABLE_NOTES": "is not a secret",
    "HTTPS_PROXY": "is not a secret",
    "A-B": "not a name of an environment variable",
}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_that_is_not_a_secret_of_the_operator_is_refused(name: str) -> None:
    text = report({"secretEnv": {name: VALUE}}, {"secretEnv"})
    assert f"secretEnv.{name}: " in text
    assert MEMBERS[name] in text
    assert f"pulumi config rm --path secretEnv.{name}" in text
    assert "has 1 problem;" in text


def test_a_url_with_a_password_is_a_secret() -> None:
    assert run("dev", secrets={"secretEnv": json.dumps({"HTTPS_PROXY": f"http://stack:{VALUE}@proxy:3128"})})


def test_a_map_in_plain_text_is_refused() -> None:
    text = report({"secretEnv": {"FEISHU_CLIENT_SECRET": VALUE}}, set())
    assert "secretEnv.FEISHU_CLIENT_SECRET: a secret in plain text" in text
    assert "pulumi config set --secret --path secretEnv.FEISHU_CLIENT_SECRET" in text


@pytest.mark.parametrize("value", ["", 3, None, ["a"]])
def test_a_member_without_a_text_is_refused(value: object) -> None:
    assert "secretEnv.LICENSE_KEY: empty, or not a text" in report({"secretEnv": {"LICENSE_KEY": value}}, {"secretEnv"})


@pytest.mark.parametrize("value", ["text", "[1]"])
def test_a_map_that_is_not_an_object_is_refused(value: str) -> None:
    assert "secretEnv: not an object of encrypted values" in report({"secretEnv": value}, {"secretEnv"})


def test_every_secret_that_is_given_twice_is_in_one_report() -> None:
    references = {name: {"name": "sso", "key": "value"} for name in ("LICENSE_KEY", "WEBHOOK_URL")}
    text = report(
        {
            "secretEnv": {"FEISHU_CLIENT_SECRET": VALUE, "WEBHOOK_URL": VALUE, "ACME": VALUE},
            "FEISHU_CLIENT_SECRET": VALUE,
            "LICENSE_KEY": VALUE,
            "existingSecrets": references,
            "openWebui": {"pluginEnv": {"ACME": "plain"}},
        },
        {"secretEnv", "FEISHU_CLIENT_SECRET", "LICENSE_KEY"},
    )
    assert "has 4 problems;" in text
    assert "secretEnv.FEISHU_CLIENT_SECRET: FEISHU_CLIENT_SECRET is also the secret config key" in text
    assert "existingSecrets.LICENSE_KEY: LICENSE_KEY also has a value, in LICENSE_KEY" in text
    assert "existingSecrets.WEBHOOK_URL: WEBHOOK_URL also has a value, in secretEnv.WEBHOOK_URL" in text
    assert "openWebui.pluginEnv.ACME: ACME is also a secret of the config" in text


@pytest.mark.parametrize("name", ["DATABASE_URL", "OPENAI_API_KEY", "ENABLE_NOTES"])
def test_a_reference_to_what_is_not_a_secret_of_the_operator_is_refused(name: str) -> None:
    text = report({"existingSecrets": {name: {"name": "a", "key": "b"}}}, set())
    assert f"existingSecrets.{name}: " in text
    assert f"pulumi config rm --path existingSecrets.{name}" in text


def test_a_reference_that_no_setting_uses_is_refused() -> None:
    text = report({"existingSecrets": {"openaiApiKey": {"name": "a", "key": "b"}}}, set())
    assert "existingSecrets.openaiApiKey: the secret openaiApiKey is set, but openWebui.openaiApiBaseUrl" in text


def test_an_invalid_reference_is_the_only_problem() -> None:
    text = report(
        {
            "openWebui": {"openaiApiBaseUrl": "https://models.example.com/v1"},
            "existingSecrets": {"openaiApiKey": {"name": "Not A Name", "key": "a/b"}},
        },
        set(),
    )
    assert "has 2 problems;" in text
    assert "existingSecrets.openaiApiKey.name: not a name of a Kubernetes object" in text
    assert "existingSecrets.openaiApiKey.key: not a key of a Secret" in text


def test_a_rotation_of_nothing_is_refused() -> None:
    assert "rotate.existingSecrets 2 without existingSecrets" in report({"rotate": {"existingSecrets": 2}}, set())


def test_a_file_of_the_command_line_holds_a_member(tmp_path: Path) -> None:
    """The value is not known when the config is checked; the name is."""
    file = tmp_path / "value"
    for name in ("ACME_LOGIN", "LICENSE_KEY", "HTTPS_PROXY"):
        check_config("dev", Overrides(secret_files={f"secretEnv.{name}": file}))
    with pytest.raises(ConfigError, match=r"secretEnv\.ENABLE_NOTES: ENABLE_NOTES is not a secret"):
        check_config("dev", Overrides(secret_files={"secretEnv.ENABLE_NOTES": file}))


FILE = f"""\
config:
  {PROJECT}:secretEnv:
    FEISHU_CLIENT_SECRET:
      secure: v1:abc
    ACME_LOGIN: {VALUE}
"""


def test_a_member_in_plain_text_beside_an_encrypted_one_is_found_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    assert plain_members(file) == [], "the stack may have another file"
    file.write_text(FILE)
    assert plain_members(file) == ["ACME_LOGIN"]


def test_a_stack_file_is_read_with_the_names_of_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(FILE)
    config = read_stack("dev", directory=tmp_path)
    assert json.loads(config.values[f"{PROJECT}:secretEnv"])["FEISHU_CLIENT_SECRET"] == ENCRYPTED
    assert f"{PROJECT}:secretEnv" in config.secret_keys
