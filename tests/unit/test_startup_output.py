"""What the scripts of a pod print: no value of a secret variable, and everything else."""

import pytest

from components.open_webui.files.startup.output import secrets
from components.open_webui.variables import variable_table

SECRET_VARIABLES = [name for name in variable_table().names if (each := variable_table().get(name)) and each.is_secret]


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_the_value_of_every_secret_variable_is_redacted(name: str) -> None:
    assert "s3cr3t-value" in secrets({name: "s3cr3t-value"})


def test_each_key_of_a_list_is_redacted() -> None:
    assert {"sk-first", "sk-second"} <= set(secrets({"OPENAI_API_KEYS": "sk-first;sk-second"}))


@pytest.mark.parametrize("name", ["ENABLE_API_KEYS", "ENABLE_FORWARD_USER_INFO_HEADERS"])
@pytest.mark.parametrize("value", ["true", "False"])
def test_a_switch_is_not_a_secret(name: str, value: str) -> None:
    assert secrets({name: value}) == []


def test_a_secret_is_redacted_in_a_log_of_json() -> None:
    assert {'a\\"b\\u00e9c', 'a\\"béc'} <= set(secrets({"DATABASE_PASSWORD": 'a"béc'}))
