"""Every config key changes what it says, and nothing is documented that is not there."""

import json
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from stack_config.config_docs import generated
from stack_config.files import ROOT, environments
from stack_config.keys import all_paths, config_keys
from stack_config.load import ConfigError
from stack_config.secret_keys import SECRET_KEYS, SECRET_MAPS
from tests.support.unit.effects import Effect
from tests.support.unit.key_paths import concrete
from tests.support.unit.recording import Recording, run

EFFECTS: dict[str, Effect] = {
    path: effect
    for module in sorted((ROOT / "tests" / "support" / "unit").glob("effects_on_*.py"))
    for path, effect in import_module(f"tests.support.unit.{module.stem}").EFFECTS.items()
}
"""Effect of every config key, from the modules of the components."""


# Keys that change what others are about, or that exclude others, and not each other.
APART = {"openWebui.imageRepository", "openWebui.replicas", "redis.durability", "redis.engine"}


# Keys that exclude each other as well.
ALONE = {
    "cluster.mode",
    "createNamespace",
    "openWebui.imageDigest",
    "quota.enabled",
    "dns.preset",
    "openWebui.documents.extraction.engine",
    "openWebui.documents.extraction.url",
    "openWebui.ingress.stickySessions",
    "openWebui.ollamaBaseUrl",
    "openWebui.variant",
    "openWebui.version",
    "postgresql.image",
    "postgresql.tls.secretName",
    "postgresql.upgrade.fromImage",
    "postgresql.upgrade.undo",
    "redis.cluster.masters",
    "redis.cluster.replicasPerMaster",
    "postgresql.external.certificateAuthoritySecret",
    "redis.external.certificateAuthority",
    "redis.external.certificateAuthoritySecret",
    "redis.external.sentinelHosts",
    "redis.tls.secretName",
    "redis.topology",
}


def together(path: str) -> list[str]:
    """The keys of one run: all that need the same config beside their own value, those apart, or this one alone."""
    effect = EFFECTS[path]
    if path in ALONE:
        return [path]
    if path in APART:
        return sorted(APART)
    return [
        other
        for other, each in EFFECTS.items()
        if other not in ALONE | APART and (each.sets, each.secrets) == (effect.sets, effect.secrets)
    ]


@cache
def run_once(sets: tuple[str, ...], secrets: tuple[tuple[str, str], ...]) -> Recording:
    return run("dev", sets, dict(secrets))


@pytest.mark.parametrize("path", EFFECTS)
def test_a_key_does_what_it_says(path: str) -> None:
    effect = EFFECTS[path]
    own = [f"{concrete(key)}={EFFECTS[key].value}" for key in together(path) if EFFECTS[key].value]
    recording = run_once((*effect.sets, *own), tuple(effect.secrets.items()))
    assert effect.shows(recording) == effect.expected


# Their own value is among what the run needs beside them.
WITHIN_ITS_SETS = {path for path, effect in EFFECTS.items() if not effect.value}


@pytest.mark.parametrize("path", sorted(EFFECTS.keys() - WITHIN_ITS_SETS - {"openWebui.ingress.enabled"}))
def test_without_the_key_it_is_otherwise(path: str) -> None:
    effect = EFFECTS[path]
    try:
        without = effect.shows(run_once(effect.sets, tuple(effect.secrets.items())))
    except (AssertionError, ConfigError, IndexError, KeyError, ValueError):
        return  # there is no such object without it, or nothing asks for its secret
    assert without != effect.expected


def test_no_key_is_forgotten_here() -> None:
    keys = [key.path for key in config_keys().values() if not key.is_object or key.path in EFFECTS]
    assert set(EFFECTS) == {*keys, *SECRET_KEYS, *SECRET_MAPS}


def test_the_generated_parts_of_the_files_are_up_to_date() -> None:
    for path, text in generated(ROOT).items():
        assert path.read_text() == text, f"run: make docs ({path.name})"


def test_pulumi_yaml_declares_every_key_with_type_and_description() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert project["name"] == "open-webui-stack"
    assert project["runtime"]["name"] == "python"
    declared = project["config"]
    assert set(declared) == {path for path in all_paths() if "." not in path}
    for name, values in declared.items():
        assert values["type"] in ("string", "boolean", "object"), name
        assert values["description"], name


def test_members_of_objects_have_their_defaults_in_the_settings_alone() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert all(values["default"] == {} for values in declared.values() if values["type"] == "object")


def test_every_key_says_what_it_is_for() -> None:
    for key in config_keys().values():
        assert key.description.endswith("."), key.path


@pytest.mark.parametrize("environment", environments())
def test_environments_hold_config_alone(environment: str) -> None:
    content = yaml.safe_load((ROOT / f"Pulumi.{environment}.yaml").read_text())
    assert set(content) == {"config"}
    assert "password" not in json.dumps(content).lower()


def test_there_is_a_file_for_dev_and_for_prod() -> None:
    assert environments() == ["dev", "prod"]
    assert Path(ROOT, "__main__.py").exists()
