"""Maps and lists of objects in the config: their keys, their schema, and the report on them."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from pydantic import Field

from components.blocks.base_settings import Fix, Problem, Settings
from components.blocks.names import HttpUrl
from stack_config import config_docs, keys, load, schema
from stack_config.settings import StackSettings
from tests.support.unit.config_reports import GOOD, apply_fixes, report
from tests.support.unit.uploads_in_pods import accepted


class Service(Settings):
    """A member of the map and an element of the list."""

    url: HttpUrl = Field(description="Where it is.")
    weight: int = Field(1, ge=1, le=9, description="How often it is used.")
    spare: bool = Field(False, description="Only used when others fail.")
    labels: dict[str, str] = Field({}, description="Labels.")

    def problems(self) -> Iterator[Problem]:
        if self.spare and self.weight > 1:
            yield Problem(keys=("weight", "spare"), message="a spare has no weight", allowed="1", fix=Fix.REMOVE)


class Extended(StackSettings):
    """The stack's settings with a map and a list of objects."""

    services: dict[str, Service] = Field({}, description="Services by name.")
    fallbacks: list[Service] = Field([], description="Services in order.")


@pytest.fixture(autouse=True)
def extended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (keys, load, schema):
        monkeypatch.setattr(module, "StackSettings", Extended)
    keys.config_keys.cache_clear()
    yield
    keys.config_keys.cache_clear()


def findings(values: dict[str, Any]) -> dict[str, str]:
    """The report's findings by their keys."""
    return {part.partition(": ")[0]: part for part in report(values).split("\n\n")[1:-1]}


def test_members_of_elements_are_keys() -> None:
    paths = keys.config_keys()
    assert (paths["services"].type, paths["fallbacks"].type) == ("map of objects", "list of objects")
    assert paths["services.<name>.weight"].allowed == "integer from 1 to 9"
    assert paths["fallbacks[].url"].required


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (("services", "eu.west", "weight"), "services.<name>.weight"),
        (("fallbacks", 1, "weight"), "fallbacks[].weight"),
        (("services", "weight"), "services.<name>"),
        (("services", "eu", "nothing"), None),
        (("redis.maxmemory",), "redis.maxmemory"),
        (("openWebui", "uploads.kind"), None),
    ],
)
def test_a_location_leads_to_its_key(location: tuple[str | int, ...], path: str | None) -> None:
    key = keys.key_at(location)
    assert (key.path if key else None) == path


def test_the_docs_have_a_row_for_each_member() -> None:
    rows = config_docs.key_table().splitlines()
    assert "| `services` | map of objects |  | Services by name. |" in rows
    assert "| `fallbacks[].url` | string | required | Where it is. |" in rows


def test_valid_elements_become_settings() -> None:
    values = {**GOOD, "services": json.dumps({"eu.west": {"url": "http://a", "labels": {"a": "b"}}})}
    values["fallbacks"] = json.dumps([{"url": "http://b"}, {"url": "http://c"}])
    settings = load.parse(accepted({f"open-webui-stack:{key}": value for key, value in values.items()}), set())
    assert isinstance(settings, Extended)
    assert settings.services["eu.west"].labels == {"a": "b"}
    assert [each.url for each in settings.fallbacks] == ["http://b", "http://c"]


def test_the_schema_describes_elements() -> None:
    validator = jsonschema.Draft7Validator(schema.stack_schema())

    def errors(config: dict[str, Any]) -> int:
        return len(list(validator.iter_errors({"config": config})))

    assert errors({"services": {"a": {"url": "http://a"}}, "fallbacks": [{"url": "http://a"}]}) == 0
    assert errors({"services": {"a": {"weight": 2}}}) > 0
    assert errors({"fallbacks": [{"url": "http://a", "wait": 2}]}) > 0


def test_every_problem_of_every_element_is_in_one_report() -> None:
    problems = findings(
        {
            "services": {
                "groq": {"url": "nowhere", "weights": 3},
                "eu.west": {"url": "http://a", "weight": 10},
                "spare": {"url": "http://a", "weight": 2, "spare": True},
                "none": {"labels": {"a": 1}},
                "text": "sk-hunter2",
            },
            "fallbacks": [{"url": "http://a", "weight": 0}, {"weight": 2, "spare": True}],
            "redis": {"maxmemory": "1tb"},
        }
    )
    assert set(problems) == {
        "services.groq.url",
        "services.groq.weights",
        'services["eu.west"].weight',
        "services.spare.weight",
        "services.none.url",
        "services.none.labels.a",
        "services.text",
        "fallbacks[0].weight",
        "fallbacks[1].url",
        "fallbacks[1].weight",
        "redis.maxmemory",
    }
    assert "did you mean services.groq.weight?" in problems["services.groq.weights"]
    assert "allowed:  integer from 1 to 9" in problems['services["eu.west"].weight']
    assert "fix:      pulumi config rm --path services.spare.weight" in problems["services.spare.weight"]
    assert "pulumi config set --path services.none.url https://api.openai.com/v1" in problems["services.none.url"]
    assert "hunter2" not in "".join(problems.values())


def test_a_text_in_the_place_of_an_element_is_removed_and_not_repeated() -> None:
    problems = findings({"fallbacks": [{"url": "http://a"}, "http://user:hunter2@b"]})
    assert "pulumi config rm --path 'fallbacks[1]'" in problems["fallbacks[1]"]
    assert "hunter2" not in "".join(problems.values())


@pytest.mark.parametrize("value", [{"a": {}}, {"a": {"weight": 5, "spare": True}}, {"a": {"url": 3}}, {"a": []}, []])
def test_the_commands_of_the_report_fix_a_map(value: object) -> None:
    values: dict[str, Any] = {"open-webui-stack:kubeContext": "test", "open-webui-stack:services": value}
    for _ in range(3):
        texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in values.items()}
        try:
            load.parse(accepted(texts), set())
        except load.ConfigError as error:
            apply_fixes(values, str(error))
        else:
            return
    raise AssertionError("the commands do not fix the config")
