"""What the keys of secrets by name and by reference do."""

from typing import Any

from tests.support.unit.effects import Effect
from tests.support.unit.recording import Recording

REFERENCE = ("existingSecrets.FEISHU_CLIENT_SECRET.name=sso", "existingSecrets.FEISHU_CLIENT_SECRET.key=client-secret")


def source(name: str) -> Any:
    """Where a variable of the Open WebUI container gets its value from."""

    def value(recording: Recording) -> object:
        [variable] = [each for each in recording.containers["open-webui/open-webui"]["env"] if each["name"] == name]
        return variable["valueFrom"]["secretKeyRef"]

    return value


def _rotation(recording: Recording) -> object:
    return (
        recording.one("Deployment", "open-webui")
        .inputs["spec"]["template"]["metadata"]["annotations"]
        .get("existing-secrets/rotation")
    )


EFFECTS: dict[str, Effect] = {
    "secretEnv": Effect(
        value="",
        secrets={"secretEnv": '{"ACME_LOGIN": "s3cret"}'},
        shows=source("ACME_LOGIN"),
        expected={"name": "openwebui-secret", "key": "ACME_LOGIN"},
    ),
    "existingSecrets.<name>.name": Effect(
        value="",
        sets=REFERENCE,
        shows=lambda recording: source("FEISHU_CLIENT_SECRET")(recording)["name"],
        expected="sso",
    ),
    "existingSecrets.<name>.key": Effect(
        value="",
        sets=REFERENCE,
        shows=lambda recording: source("FEISHU_CLIENT_SECRET")(recording)["key"],
        expected="client-secret",
    ),
    "rotate.existingSecrets": Effect(value="3", sets=REFERENCE, shows=_rotation, expected="3"),
}
