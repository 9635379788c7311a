"""Generate parts of Pulumi.yaml, docs/configuration.md and docs/policies.md, the files in schema/, and the copies of
`copies.COPIES`.

python -m stack_config.config_docs          write them
python -m stack_config.config_docs --check  exit with 1 if a file is not up to date
"""

import sys
from pathlib import Path

import yaml

from . import policy_data
from .copies import generated_copies
from .files import ROOT
from .generated_files import write_or_check
from .keys import ConfigKey, config_keys
from .project_template import template_section
from .schema import SCHEMA_FILE, schema_text
from .secret_keys import SECRET_KEYS, SECRET_MAPS

CONFIG_MARKER = "config:\n"
TABLE_START = "<!-- config table: python -m stack_config.config_docs -->\n"
TABLE_END = "<!-- end of config table -->\n"


def pulumi_config() -> str:
    """The members of `config:` in Pulumi.yaml."""
    declared: dict[str, dict[str, object]] = {}
    for key in config_keys().values():
        if "." in key.path:
            continue
        default: object = {} if key.is_object else key.default
        declared[key.path] = {
            "type": "object" if key.is_object else key.type,
            "description": key.description.replace("`", ""),
            "default": default,
        }
    for name, description in SECRET_KEYS.items():
        text = f"Secret (pulumi config set --secret). {description}".replace("`", "")
        declared[name] = {"type": "string", "description": text, "default": ""}
    for name, description in SECRET_MAPS.items():
        declared[name] = {"type": "object", "description": description.replace("`", ""), "default": {}}
    text = yaml.safe_dump(declared, sort_keys=False, width=116)
    return "".join(f"  {line}\n" for line in text.splitlines())


def key_table() -> str:
    """The table of all config keys in docs/configuration.md."""
    rows = ["| Key | Type | Default | Meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{key.path}` | {_cell(key.allowed)} | {_default(key)} | {_cell(key.description)} |"
        for key in config_keys().values()
        if (not key.is_object or key.is_map or key.is_list or _has_row(key.path)) and not _repeats(key.path)
    ]
    rows += [f"| `{name}` | secret | | {_cell(description)} |" for name, description in SECRET_KEYS.items()]
    rows += [f"| `{name}` | object of secrets | | {_cell(description)} |" for name, description in SECRET_MAPS.items()]
    return "\n".join(rows) + "\n"


def _has_row(path: str) -> bool:
    """Whether the object has a row beside those of its members, or in place of them."""
    return path == "openWebui.autoscaling" or path.endswith(".pods")


def _repeats(path: str) -> bool:
    """Whether the key is one of `pods`, in the `pods` of a component, whose own row says so."""
    component, _, rest = path.partition(".pods.")
    return bool(rest) and f"{component}.pods" in config_keys() and f"pods.{rest}" in config_keys()


def _default(key: ConfigKey) -> str:
    if key.required:
        return "required"
    if key.default is None or key.default == "":
        return ""
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f"`{key.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def generated(root: Path) -> dict[Path, str]:
    """The files with up-to-date generated parts."""
    project = root / "Pulumi.yaml"
    keys, policies = (root / "docs" / page for page in ("configuration.md", "policies.md"))
    head, marker, _ = project.read_text().partition(CONFIG_MARKER)
    return {
        project: f"{head}{marker}{pulumi_config()}{template_section()}",
        keys: _with_table(keys, TABLE_START, key_table(), TABLE_END),
        policies: _with_table(policies, policy_data.TABLE_START, policy_data.policy_table(), policy_data.TABLE_END),
        root / SCHEMA_FILE: schema_text(),
        root / policy_data.POLICIES_FILE: policy_data.policies_text(),
        **generated_copies(root),
    }


def _with_table(page: Path, start: str, table: str, end: str) -> str:
    """The page with the table between the two comments."""
    before, _, rest = page.read_text().partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}{table}{end}{after}"


if __name__ == "__main__":
    sys.exit(
        write_or_check(generated(ROOT), check="--check" in sys.argv[1:], command="python -m stack_config.config_docs")
    )
