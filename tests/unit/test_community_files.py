"""What the files for contributors and bots name exists, and Renovate finds each version in the code."""

import json
import re
import tomllib

import yaml

from components.postgresql.archive.settings import IMAGE as ARCHIVE_IMAGE
from components.postgresql.cloudnative_pg.settings import IMAGE as CLOUDNATIVE_PG_IMAGE
from components.postgresql.pooler.settings import EXPORTER_IMAGE as POOLER_EXPORTER_IMAGE
from components.postgresql.pooler.settings import IMAGE as POOLER_IMAGE
from components.postgresql.settings import EXPORTER_IMAGE as POSTGRES_EXPORTER_IMAGE
from components.redis.settings import EXPORTER_IMAGE, IMAGES
from components.tika.settings import TikaSettings
from stack_config.files import ROOT
from stack_config.settings import StackSettings
from tests.support.unit.documentation import targets

RENOVATE = (ROOT / "renovate.json5").read_text()


def patterns(name: str) -> list[str]:
    """Every regular expression under a key, as Python writes it."""
    lists = re.findall(rf"\b{name}: (\[.*\])", RENOVATE)
    return [pattern.replace("(?<", "(?P<") for each in lists for pattern in json.loads(each)]


def test_a_hook_is_a_target() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    entries = [hook["entry"].split() for hook in repository["hooks"]]
    assert [entry for entry in entries if entry[0] != "make" or not set(entry[1:]) <= targets()] == []
    assert {"lint", "docs-check", "types", "test-unit"} == {entry[1] for entry in entries}


def test_the_paths_with_owners_exist_and_no_person_is_named() -> None:
    text = (ROOT / ".github" / "CODEOWNERS").read_text()
    paths = re.findall(r"^(?:# )?(/\S+)", text, re.MULTILINE)
    assert len(paths) >= 5
    assert [path for path in paths if not (ROOT / path[1:]).exists()] == []
    assert set(re.findall(r"@\S+", text)) == {"@your-organization/your-team"}


def test_the_newest_release_of_the_changelog_is_the_projects_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert headings[0] == "Unreleased"
    assert re.fullmatch(re.escape(version) + r" - \d{4}-\d{2}-\d{2}", headings[1])


def test_every_generated_file_of_the_attributes_exists() -> None:
    patterns = re.findall(r"^(\S+) +linguist-generated$", (ROOT / ".gitattributes").read_text(), re.MULTILINE)
    assert len(patterns) >= 10
    assert [pattern for pattern in patterns if not [*ROOT.glob(pattern)]] == []


def test_issue_forms_have_what_github_requires() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
    assert len(forms) >= 2
    for form in (yaml.safe_load(path.read_text()) for path in forms):
        assert {"name", "description", "body"} <= form.keys()
        fields = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert len(fields) == len(set(fields)) > 0


def test_the_development_container_makes_a_target() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make .venv/ready"


def test_renovate_finds_every_version_in_the_code() -> None:
    settings = StackSettings.model_validate({"kubeContext": "any"})
    files = [
        path
        for pattern in patterns("managerFilePatterns")
        for path in sorted(ROOT.glob("components/**/*.py"))
        if re.search(pattern.strip("/"), str(path.relative_to(ROOT)))
    ]
    text = "\n".join(path.read_text() for path in files)
    actual = [match.groupdict() for pattern in patterns("matchStrings") for match in re.finditer(pattern, text)]
    images = {f"{each['depName']}:{each['currentValue']}" for each in actual if "depName" in each}
    versions = [each["currentValue"] for each in actual if "depName" not in each]
    assert versions == [settings.open_webui.version]
    assert images == {
        *(settings.postgresql.image, POSTGRES_EXPORTER_IMAGE, ARCHIVE_IMAGE, CLOUDNATIVE_PG_IMAGE),
        *(POOLER_IMAGE, POOLER_EXPORTER_IMAGE),
        *(*IMAGES.values(), EXPORTER_IMAGE, TikaSettings().image, settings.ollama.image),
    }


def test_renovate_finds_every_file_of_packages() -> None:
    (pattern,) = [pattern for pattern in patterns("managerFilePatterns") if "requirements" in pattern]
    named = sorted(path for path in (*ROOT.glob("*.in"), *ROOT.glob("policy/*.in")))
    assert len(named) > 5
    assert all(re.search(pattern.strip("/"), str(path.relative_to(ROOT))) for path in named)
