"""YAML as the CLI reads it.

The CLI uses gopkg.in/yaml.v3, which reads `no` and `on` as strings and 1e3 as a number; PyYAML does the opposite.
Source of the patterns: https://github.com/go-yaml/yaml/blob/v3/resolve.go
"""

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from .libyaml import SafeLoader


class _Loader(SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]  # the stubs declare an instance variable


def load_yaml(file: Path) -> Any:
    """The content of a YAML file.

    Raises:
        ValueError: the file is not valid YAML; the message names the place and the reason.
    """
    try:
        return yaml.load(file.read_text(), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error


_INTEGER = r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)"
_FLOAT = r"[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
_PATTERNS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (_INTEGER, list("-+0123456789")),
    "float": (rf"{_FLOAT}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
    "timestamp": (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", list("0123456789")),
    "merge": (r"<<", ["<"]),
}


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    digits = text.lstrip("+-")
    octal = re.fullmatch(r"0[oO]?([0-7]+)", digits)
    number = int(octal[1], 8) if octal else int(digits, 0)
    return -number if text.startswith("-") else number


def _float(loader: Any, node: yaml.ScalarNode) -> float | int:
    text = loader.construct_scalar(node).replace("_", "").lower()
    number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    # Go writes a whole number into JSON without a decimal point.
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _date(loader: Any, node: yaml.ScalarNode) -> str:
    # Go's default format of a date.
    return f"{loader.construct_yaml_timestamp(node)} 00:00:00 +0000 UTC"


for _tag, (_pattern, _first) in _PATTERNS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)
