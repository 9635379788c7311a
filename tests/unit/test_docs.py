"""What the documentation names exists: links, headings, commands, modules, files, config keys, variables."""

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from components.open_webui.variables import CLASSES_FILE, VariableClass
from composition.outputs import OUTPUTS
from policy.rules import RULES
from policy.rules.production import PROTECTION
from stack_config.files import ROOT
from stack_config.keys import all_paths, config_keys, is_secret_key, key_at
from stack_config.load import PROJECT, ConfigError, parse
from stack_config.secret_keys import SECRET_MAPS
from stack_config.settings import StackSettings
from stackctl.app import app
from stackctl.variables.classes import read_classes
from tests.support.e2e.measurements import failover_table
from tests.support.unit.documentation import ROOMS, SOURCES, targets, variables
from tests.support.unit.uploads_in_pods import accepted

DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PAGES = sorted(DECISIONS.glob("[0-9]*.md"))
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_MAKE = re.compile(r"(?:^|[$(`] ?)make\b([^\n`)#]*)", re.MULTILINE)
_MODULE = re.compile(r"python3? -m ([\w.]+)")
_STACKCTL = re.compile(r"\bstackctl (?!--)([a-z-]+)(?: ([a-z]+))?")
_PATH = re.compile(rf"(?:{'|'.join(ROOMS)}|docs|scripts)/[\w./-]*|[\w.-]+\.(?:md|toml|yaml|in|txt|py)")
_KEY_SET = re.compile(r"pulumi config (?:set|rm)(?: --\w+)* (?!--)'?([\w.]+)")
_SET = re.compile(r"\bSET=(?:'([^']*)'|(\S+))")
_SECRET_FILE = re.compile(r"\bSECRET_FILE='(\w+)=")
_STATUS = r"Status: (?:accepted|superseded by \[\d{4}\]\(\S+\)), (?P<date>\d{4}-\d{2}-\d{2})\.?"
_PLACEHOLDERS = ("<", "Pulumi.<")


def anchors(document: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", document.read_text()))
    plain = (re.sub(r"[`*]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def code(text: str) -> Iterator[str]:
    """Code of a document: each block, and each inline piece."""
    yield from _FENCE.findall(text)
    yield from _INLINE.findall(_FENCE.sub("", text))


def broken_links(document: Path, text: str) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", text)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        actual = target.exists() and target.is_relative_to(ROOT)
        if not actual or (anchor and anchor not in anchors(target)):
            yield link


def unknown_commands(_document: Path, text: str) -> Iterator[str]:
    for piece in code(text):
        for match in _MAKE.finditer(piece.removeprefix("$ ")):
            words = re.findall(r"[A-Z_]+='[^']*'|\S+", match[1])
            for word in words:
                name, equals, _ = word.partition("=")
                if equals and name not in variables():
                    yield f"make {word}"
                if not equals and re.fullmatch(r"[a-z][a-z-]*", word) and word not in targets():
                    yield f"make {word}"


def unknown_modules(_document: Path, text: str) -> Iterator[str]:
    yield from (name for name in _MODULE.findall(text) if importlib.util.find_spec(name) is None)


def unknown_stackctl_commands(_document: Path, text: str) -> Iterator[str]:
    for piece in code(text):
        for name, word in _STACKCTL.findall(piece):
            command = get_command(app).commands.get(name)  # type: ignore[attr-defined]
            if command is None or (word and word not in getattr(command, "commands", (word,))):
                yield f"stackctl {name} {word}".rstrip()


def missing_files(_document: Path, text: str) -> Iterator[str]:
    """Files of the project in backticks that are not there; a bare name is one of the top directory or of a package."""
    for piece in _INLINE.findall(_FENCE.sub("", text)):
        if not _PATH.fullmatch(piece) or piece.startswith(_PLACEHOLDERS):
            continue
        if not (ROOT / piece).exists() and not ("/" not in piece and any(path.name == piece for path in SOURCES)):
            yield piece


def is_key(path: str) -> bool:
    """Whether a path can be set; the members of an object of strings are free."""
    steps = path.split(".")
    parent = key_at(steps[:-1])
    free = path.partition(".")[0] in SECRET_MAPS or (parent is not None and parent.type == "object of strings")
    return path in all_paths() or key_at(steps) is not None or is_secret_key(path) or free


def unknown_keys(document: Path, text: str) -> Iterator[str]:
    if document.name == "chart-values.md":
        text = re.sub(r"^\| `[^`]+` \|", "|", text, flags=re.MULTILINE)  # names of the chart
    objects = "|".join(key.path for key in config_keys().values() if key.is_object and "." not in key.path)
    for piece in _INLINE.findall(_FENCE.sub("", text)):
        member = re.fullmatch(rf"((?:{objects})(?:\.\w+)+)(?:: \S+)?", piece)
        if member and not member[1].endswith(".conf") and not is_key(member[1]):
            yield member[1]
    set_by_pulumi = _KEY_SET.findall(text)
    set_by_make = [pair.partition("=")[0] for quoted, bare in _SET.findall(text) for pair in (quoted or bare).split()]
    configured = [*set_by_pulumi, *set_by_make, *_SECRET_FILE.findall(text)]
    # One page shows the report about an unknown key.
    yield from (key for key in configured if not is_key(key) and f"{key}: unknown key" not in text)


CHECKS: dict[Callable[[Path, str], Iterator[str]], tuple[str, ...]] = {
    broken_links: ("[a](no-such-file.md)", "[a](#no-such-heading)", "[a](CHANGELOG.md#no-such-heading)", "[a](../x)"),
    unknown_commands: ("`make nothing`", "```sh\nmake up NOTHING=1\n```", "```console\n$ make nothing\n```"),
    unknown_modules: ("`python -m no_such_module`",),
    unknown_stackctl_commands: ("`stackctl nothing`", "```sh\npython -m stackctl backup nothing\n```"),
    missing_files: ("`components/no_such.py`", "`no-such.toml`"),
    unknown_keys: (
        "`redis.maxmemry`",
        "`openWebui.uploads.s4.bucketName`",
        "`rotate.nobody: 3`",
        "```sh\npulumi config set --path redis.maxmemry 1gb\n```",
        "`make up SET='redis.maxmemory=1gb redis.nothing=2'`",
        "`make up SECRET_FILE='nothing=file'`",
    ),
}
"""Each check, with documents in which it must find something."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document: Path, check: Callable[[Path, str], Iterator[str]]) -> None:
    assert list(check(document, document.read_text())) == []


@pytest.mark.parametrize(("check", "text"), [(check, text) for check, texts in CHECKS.items() for text in texts])
def test_a_check_finds_what_is_not_there(check: Callable[[Path, str], Iterator[str]], text: str) -> None:
    assert len(list(check(ROOT / "README.md", text))) == 1


def test_the_checks_have_something_to_check() -> None:
    texts = [document.read_text() for document in DOCUMENTS]
    assert {"up", "test", "down", "outputs"} <= {
        word for text in texts for piece in code(text) for match in _MAKE.finditer(piece) for word in match[1].split()
    }
    assert len(_LINK.findall((ROOT / "README.md").read_text())) > 20
    assert sum(len(_KEY_SET.findall(text)) for text in texts) > 20
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"} <= {path.name for path in DOCUMENTS}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_decision_is_in_the_index_and_has_its_three_parts() -> None:
    index = _LINK.findall((DECISIONS / "README.md").read_text())
    assert index == [page.name for page in PAGES]
    for page in PAGES:
        headings = _HEADING.findall(page.read_text())
        assert headings[0].startswith(f"{page.name[:4]}: "), page.name
        assert headings[1] == "What", page.name
        assert headings[2].startswith("Why"), page.name
        assert headings[-1] == "What else was weighed", page.name


def test_every_decision_has_a_status_and_its_date_is_in_the_index() -> None:
    index = dict(
        re.findall(r"^\| \[\d{4}\]\(([^)]+)\) \| (\S+) \|", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    )
    for page in PAGES:
        status = re.fullmatch(_STATUS, page.read_text().split("\n")[2])
        assert status, page.name
        assert index[page.name] == status["date"], page.name


def test_the_index_names_the_missing_decisions() -> None:
    numbers = {int(page.name[:4]) for page in PAGES}
    [sentence] = re.findall(r"[^.]+ are missing because", (DECISIONS / "README.md").read_text())
    ranges = re.findall(r"(\d{4})(?: to (\d{4}))?", sentence)
    named = {number for first, last in ranges for number in range(int(first), int(last or first) + 1)}
    assert named == set(range(1, max(numbers) + 1)) - numbers


def test_the_decisions_that_the_code_refers_to_exist() -> None:
    named = {name for source in SOURCES for name in re.findall(r"docs/decisions/[\w.-]+\.md", source.read_text())}
    assert len(named) >= 5
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_variable_that_the_stack_sets_has_its_reason() -> None:
    page = (DECISIONS / "0006-open-webui-environment.md").read_text()
    variables = read_classes(CLASSES_FILE).of_class(VariableClass.STACK, VariableClass.COMMAND)
    assert sorted(variables - set(re.findall(r"`([A-Z0-9_]+)`", page))) == []


def test_every_output_is_described() -> None:
    page = (ROOT / "docs" / "outputs.md").read_text()
    described = re.findall(r"^\| `(\w+)` \| (yes|no) \|", page, re.MULTILINE)
    assert described == [(name, "yes" if output.secret else "no") for name, output in OUTPUTS.items()]
    assert len(described) == 7


def test_the_limits_of_the_settings_are_right() -> None:
    scaling = (ROOT / "docs" / "operations" / "scale.md").read_text()
    settings = StackSettings.model_validate({"kubeContext": "any"})
    pods, connections = settings.open_webui.most_pods, settings.open_webui.database_connections
    assert f"may hold {connections // pods} connections" in scaling
    assert settings.redis.memory_limit in (DECISIONS / "0007-redis.md").read_text()


def test_the_report_in_the_docs_is_the_programs() -> None:
    page = ROOT / "docs" / "getting-started" / "own-cluster.md"
    shown = page.read_text().partition("with one report of all errors:\n\n```text\n")[2].partition("\n  ...\n")[0]
    redis = {"maxmemory": "1gb", "resources": {"limits": {"memory": "512Mi"}}}
    values = {"kubeContext": "any", "redis": json.dumps(redis), "openWebui": json.dumps({"replica": 3})}
    with pytest.raises(ConfigError) as error:
        parse(accepted({f"{PROJECT}:{key}": value for key, value in values.items()}), set())
    assert str(error.value).startswith(f"{shown}\n")
    assert shown.endswith("did you mean openWebui.replicas?")


def test_symptoms_that_the_program_reports_are_quoted_as_it_says_them() -> None:
    sources = "".join(source.read_text() for source in SOURCES)
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    quoted = re.findall(r"^\| `(?:maxmemory|postgresql[.]\w+) … ([^`]*)` \|", page, re.MULTILINE)
    assert len(quoted) == 2
    for words in quoted:
        assert words.partition(" resources")[0] in sources, words


def test_the_measurements_have_the_failover_that_was_measured_last() -> None:
    assert failover_table() in (ROOT / "docs" / "measurements.md").read_text()


def test_the_license_is_there() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "Open WebUI Stack authors" in text


def test_every_policy_is_in_the_table_with_its_level() -> None:
    page = (ROOT / "docs" / "policies.md").read_text()
    listed = re.findall(r"^\| `([\w-]+)` \| (\w+) \|", page, re.MULTILINE)
    assert listed == [(rule.name, rule.level.value) for rule in (*RULES, PROTECTION)]


def test_every_alert_of_postgresql_has_a_line_and_a_section_in_the_docs() -> None:
    rows, sections, alerts = _alerts("monitoring.md", "monitoring")
    assert rows == alerts
    assert sections == [name for name, _ in alerts]


def test_every_alert_on_cloudnative_pg_has_a_line_and_one_that_only_it_has_a_section() -> None:
    _, shared, _ = _alerts("monitoring.md", "monitoring")
    rows, sections, alerts = _alerts("monitoring-cloudnative-pg.md", "cloudnative_pg/monitoring")
    assert rows == alerts
    assert sections == [name for name, _ in alerts if name not in shared]


def test_every_alert_of_pgbouncer_has_a_line_and_a_section_in_the_docs() -> None:
    rows, sections, alerts = _alerts("monitoring-pooler.md", "pooler/monitoring")
    assert rows == alerts
    assert sections == [name for name, _ in alerts]


def _alerts(page: str, package: str) -> tuple[list[tuple[str, str]], list[str], list[tuple[str, str]]]:
    """The rows of a page's table and its sections, and the alerts of a rule file with their severities."""
    text = (ROOT / "docs" / "operations" / page).read_text()
    groups = yaml.safe_load((ROOT / "components" / "postgresql" / package / "alerts.yaml").read_text())["groups"]
    rules = [(rule["alert"], rule["labels"]["severity"]) for group in groups for rule in group["rules"]]
    rows = re.findall(r"^\| (PostgreSQL\w+) \| (\w+) \|", text, re.MULTILINE)
    return rows, re.findall(r"^### (PostgreSQL\w+)$", text, re.MULTILINE), rules
