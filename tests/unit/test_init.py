"""`stackctl init`: the program accepts the file that it writes; it overwrites no file and writes no secret."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stack_config.cli_yaml import load_yaml
from stack_config.files import ENCRYPTED, ROOT, read_stack
from stack_config.first_stack import QUESTIONS, Question, meaning_of
from stack_config.keys import key_at
from stack_config.load import PROJECT, parse
from stack_config.schema import SCHEMA_FILE, stack_schema
from stack_config.secret_keys import SECRET_KEYS
from stack_config.settings import StackSettings
from stackctl.init import operations
from stackctl.init.answers import Flags, answers
from stackctl.init.stack_file import stack_file
from tests.support.unit.command_line import CommandLine, Ended

LEAST = ("init", "--env", "test", "--context", "mine")
EXPOSED = ("--host", "chat.example.com", "--ingress-class", "traefik", "--tls-secret", "chat-tls")
MODELS = ("--models-url", "https://models.example.com/v1")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(operations, "ROOT", tmp_path)
    return tmp_path


def settings_of(root: Path, secrets: tuple[str, ...] = ()) -> StackSettings:
    """What the program makes of the file, after the commands for the secrets."""
    config = read_stack("test", directory=root)
    keys = {f"{PROJECT}:{key}" for key in secrets}
    return parse({**config.values, **dict.fromkeys(keys, ENCRYPTED)}, config.secret_keys | keys)


def answer(stackctl: CommandLine, *lines: str) -> Ended:
    """Run `stackctl init` on a terminal on which the lines are typed."""
    return stackctl("init", stdin="".join(f"{line}\n" for line in lines), terminal=True)


def test_two_options_are_enough(stackctl: CommandLine, root: Path) -> None:
    ended = stackctl(*LEAST)
    assert (ended.code, ended.err) == (0, "")
    settings = settings_of(root)
    assert (settings.kube_context, settings.namespace) == ("mine", "rag-system")
    assert (settings.open_webui.replicas, settings.open_webui.uploads.kind) == (2, "volume")
    assert settings.open_webui.host is None
    assert ended.out.splitlines()[:4] == [
        "Pulumi.test.yaml was written. Next:",
        "",
        "  pulumi stack init test",
        "  pulumi up",
    ]


def test_every_option_sets_its_key(stackctl: CommandLine, root: Path) -> None:
    ended = stackctl(
        *("init", "--env", "test", "--cluster-mode", "context", "--context", "mine", "--namespace", "chat"),
        *("--replicas", "1", "--uploads", "pod", *EXPOSED, "--ingress", "--tls-issuer", "letsencrypt"),
        *(*MODELS, "--models-secret", "llm", "--models-secret-key", "token", "--storage-class", "fast"),
    )
    assert (ended.code, ended.err) == (0, "")
    settings = settings_of(root)
    web = settings.open_webui
    assert (settings.namespace, web.replicas, web.uploads.kind) == ("chat", 1, "pod")
    assert (web.host, web.ingress.enabled, web.ingress.class_name) == ("chat.example.com", True, "traefik")
    assert (web.ingress.tls_secret_name, web.ingress.issuer.name) == ("chat-tls", "letsencrypt")
    assert web.openai_api_base_url == "https://models.example.com/v1"
    [(name, reference)] = settings.existing_secrets.items()
    assert (name, reference.name, reference.key) == ("openaiApiKey", "llm", "token")
    assert settings.postgresql.storage.class_name == "fast"
    assert "  chat/llm, key token, for openaiApiKey\n" in ended.out
    written = load_yaml(root / "Pulumi.test.yaml")["config"]
    for question in QUESTIONS:
        first, *rest = question.path.split(".")
        value = written.get(f"{PROJECT}:{first}")
        for step in rest:
            value = value[step]
        assert question.is_secret or value is not None, question.path


def test_a_secret_is_a_command_and_not_in_the_file(stackctl: CommandLine, root: Path) -> None:
    ended = stackctl(*LEAST, *MODELS)
    assert ended.code == 0
    assert "  pulumi config set --secret openaiApiKey   # asks for the value\n" in ended.out
    assert "openaiApiKey:" not in (root / "Pulumi.test.yaml").read_text()
    assert settings_of(root, ("openaiApiKey",)).open_webui.openai_api_base_url


def test_secrets_that_other_keys_need_have_commands_too(stackctl: CommandLine, root: Path) -> None:
    service = "openWebui.models.openai.own"
    ended = stackctl(
        *(*LEAST, "--uploads", "s3", "--set", "openWebui.uploads.s3.bucketName=uploads"),
        *("--set", f"{service}.url=https://models.example.com/v1", "--set", f"{service}.apiKeyFrom=MODELS_API_KEY"),
    )
    assert (ended.code, ended.err) == (0, "")
    assert [line for line in ended.out.splitlines() if "--secret" in line] == [
        "  pulumi config set --secret s3AccessKeyId   # asks for the value",
        "  pulumi config set --secret s3SecretAccessKey   # asks for the value",
        "  pulumi config set --secret --path secretEnv.MODELS_API_KEY   # asks for the value",
    ]
    assert (root / "Pulumi.test.yaml").exists()


def test_the_file_is_valid_in_an_editor_and_explains_each_key(stackctl: CommandLine, root: Path) -> None:
    assert stackctl(*LEAST, *EXPOSED, *MODELS, "--models-secret", "llm").code == 0
    file = root / "Pulumi.test.yaml"
    lines = file.read_text().splitlines()
    assert lines[0] == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert max(map(len, lines)) <= 120
    content = load_yaml(file)
    assert [error.message for error in jsonschema.Draft7Validator(stack_schema()).iter_errors(content)] == []
    comments = " ".join(line.strip().removeprefix("# ") for line in lines if line.strip().startswith("#"))
    for path in paths(content["config"]):
        key = key_at(path)
        assert key is not None, path
        assert key.description.replace("`", "") in comments, path


def paths(values: dict[str, Any], parents: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The location of each value."""
    locations: list[tuple[str, ...]] = []
    for name, value in values.items():
        location = (*parents, name.removeprefix(f"{PROJECT}:"))
        locations += [location, *(paths(value, location) if isinstance(value, dict) else ())]
    return locations


def test_the_comment_of_a_key_is_above_it(stackctl: CommandLine, root: Path) -> None:
    assert stackctl(*LEAST).code == 0
    assert f"  # {meaning_of('namespace')}\n  {PROJECT}:namespace: " in (root / "Pulumi.test.yaml").read_text()


def test_values_are_read_back_as_they_were(tmp_path: Path) -> None:
    texts = ["no", "1e3", "~", "a: b", " a", "ä", '"', "true", "007"]
    values = {f"{PROJECT}:openWebui": {"env": {"A": 3, "B": True, "C.d": texts, "E": {}}}}
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(stack_file(values))
    assert load_yaml(file)["config"] == values


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("init",), "--env"),
        (("init", "--env", "test"), "--context"),
        ((*LEAST, "--host", "chat.example.com"), "--ingress-class"),
    ],
)
def test_without_a_terminal_the_missing_option_is_named(
    stackctl: CommandLine, root: Path, arguments: tuple[str, ...], flag: str
) -> None:
    ended = stackctl(*arguments)
    assert ended.code == 2
    assert ended.err == f"{flag} is missing, and there is no terminal to ask for it\n"
    assert list(root.iterdir()) == []


def test_a_question_that_makes_no_sense_needs_no_option(stackctl: CommandLine, root: Path) -> None:
    assert stackctl("init", "--env", "test", "--cluster-mode", "inCluster").code == 0
    assert settings_of(root).cluster.mode == "inCluster"
    assert "kubeContext:" not in (root / "Pulumi.test.yaml").read_text()


def test_an_existing_file_is_not_overwritten(stackctl: CommandLine, root: Path) -> None:
    file = root / "Pulumi.test.yaml"
    file.write_text("mine\n")
    ended = stackctl(*LEAST)
    assert ended.code == 2
    assert ended.err == "Pulumi.test.yaml exists and is not overwritten. Look at it: cat Pulumi.test.yaml\n"
    assert file.read_text() == "mine\n"


def test_an_existing_file_is_reported_before_any_question(stackctl: CommandLine, root: Path) -> None:
    (root / "Pulumi.test.yaml").write_text("mine\n")
    ended = answer(stackctl, "test")
    assert (ended.code, ended.out.count("Namespace")) == (2, 0)
    assert "Pulumi.test.yaml exists and is not overwritten" in ended.err


def test_a_file_that_appears_while_the_questions_are_asked_is_not_overwritten(
    stackctl: CommandLine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "Pulumi.test.yaml"

    def slow(flags: Flags) -> dict[str, str]:
        file.write_text("mine\n")
        return answers(flags)

    monkeypatch.setattr(operations, "answers", slow)
    ended = stackctl(*LEAST)
    assert ended.code == 2
    assert "exists and is not overwritten" in ended.err
    assert file.read_text() == "mine\n"


@pytest.mark.parametrize("name", ["a/b", "../up", "", "a.b", "x" * 101])
def test_a_name_that_is_not_of_a_stack_is_refused(stackctl: CommandLine, root: Path, name: str) -> None:
    ended = stackctl("init", "--env", name, "--context", "mine")
    assert ended.code == 2
    assert "--env" in ended.err
    assert list(root.iterdir()) == []


def test_the_settings_reject_answers_in_one_report(stackctl: CommandLine, root: Path) -> None:
    wrong = ("--replicas", "two", "--namespace", "No_Name", "--models-url", "models.example.com")
    ended = stackctl(*LEAST, *wrong, "--set", "openWebui.replica=3")
    assert ended.code == 1
    for key in ("openWebui.replicas", "namespace", "openWebui.openaiApiBaseUrl", "openWebui.replica"):
        assert f"\n{key}: " in ended.err
    assert "openaiApiKey is missing" not in ended.err
    assert list(root.iterdir()) == []
    [again] = [line.strip() for line in ended.err.splitlines() if line.startswith("  stackctl init ")]
    assert "--env test " in again
    assert "--context mine --namespace No_Name --replicas two " in again
    assert again.endswith(" --set openWebui.replica=3")


def test_a_terminal_is_asked_only_what_applies(stackctl: CommandLine, root: Path) -> None:
    # Environment, mode, context, namespace, replicas, uploads, host, models, StorageClass.
    ended = answer(stackctl, "test", "", "mine", "", "3", "", "", "", "fast")
    assert ended.code == 0
    settings = settings_of(root)
    assert (settings.kube_context, settings.open_webui.replicas) == ("mine", 3)
    assert settings.postgresql.storage.class_name == "fast"
    assert "Public host name" in ended.err + ended.out
    assert "IngressClass" not in ended.err + ended.out


def test_a_terminal_is_asked_again_for_an_answer_that_is_not_a_choice(stackctl: CommandLine, root: Path) -> None:
    ended = answer(stackctl, "test", "", "mine", "", "1", "floppy", "pod", "", "", "")
    assert ended.code == 0
    assert settings_of(root).open_webui.uploads.kind == "pod"


def test_input_that_ends_writes_nothing(stackctl: CommandLine, root: Path) -> None:
    ended = answer(stackctl, "test", "", "mine")
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "the input ended before the last question; nothing was written" in ended.err
    assert list(root.iterdir()) == []


def test_the_command_with_the_same_answers_has_the_empty_ones_that_are_required(
    stackctl: CommandLine, root: Path
) -> None:
    exposed = ("--host", "chat.example.com", "--ingress-class", "")
    ended = stackctl(*LEAST, *exposed)
    assert ended.code == 1
    assert "openWebui.ingress.controller: " in ended.err
    assert " --ingress-class ''" in ended.err
    assert stackctl(*LEAST, *exposed, "--set", "openWebui.ingress.controller=traefik").code == 0
    assert settings_of(root).open_webui.ingress.controller == "traefik"


def test_each_question_is_about_a_key_and_has_an_option() -> None:
    for question in QUESTIONS:
        assert question.meaning, question.path
        assert question.path in SECRET_KEYS or key_at(question.path.split(".")) is not None
        assert bool(question.flag) is not question.is_secret
    assert len({question.flag for question in QUESTIONS}) == len(QUESTIONS)


def test_a_question_about_another_answer() -> None:
    question = Question(path="namespace", flag="--a", text="", needs=("openWebui.host", ""))
    assert question.applies({"openWebui.host": "chat.example.com"})
    assert not question.applies({"openWebui.host": ""})
    assert not question.applies({})


def test_the_suggested_answer_is_the_default_of_the_settings() -> None:
    assert Question(path="namespace", flag="--a", text="").suggestion == "rag-system"
    assert Question(path="openWebui.host", flag="--a", text="").suggestion == ""
    assert Question(path="namespace", flag="--a", text="", instead="chat").suggestion == "chat"


def test_the_docs_name_every_option_and_its_key() -> None:
    page = (ROOT / "docs" / "getting-started" / "own-cluster.md").read_text()
    for question in QUESTIONS:
        if not question.is_secret:
            flags = "`, `".join(question.flag.split("/"))
            key = question.path.removesuffix(".name") if question.path.startswith("existingSecrets") else question.path
            row = next(line for line in page.splitlines() if line.startswith("| `--") and f"`{flags}`" in line)
            assert f"| `{key.removesuffix('.key')}` |" in row
