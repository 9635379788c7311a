"""The command line `stackctl`: what it refuses, with which message and exit code, and that nothing is started then."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import RunError

from host.directories import CACHE_VARIABLE
from stack_config.files import ROOT, StackFileError
from stack_config.load import ConfigError
from stackctl.deploy import update
from stackctl.deployed.kubectl import KubectlError
from stackctl.doctor.report import SymptomError
from stackctl.drift.differences import DriftError
from stackctl.gate.model import parse
from stackctl.scan.finding import ScanError
from stackctl.status.report import UnhealthyError
from stackctl.variables.classes import ClassesError
from stackctl.variables.reading import ReadingError
from terminal.errors import ExitCode, InterruptedByUserError, LocalError, NothingCheckedError, UsageError
from terminal.invocation import CALLER_VARIABLE, command_line
from tests.support.unit.command_line import CommandLine

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stackctl: CommandLine) -> Run:
    """Function that runs a command with an empty cache; the exit code and standard error."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))

    def run_command(*arguments: str) -> tuple[int, str]:
        ended = stackctl(*arguments)
        return ended.code, ended.err

    return run_command


@pytest.mark.parametrize(
    ("arguments", "expected_message"),
    [
        (("up", "--env", "test"), "Environments: dev, prod"),
        (("outputs", "--env", "test"), "Environments: dev, prod"),
        (("down", "--env", "test"), "Environments: dev, prod"),
        (("up", "--set", "redis.maxmemory"), "expected KEY=VALUE"),
        (("up", "--secret-file", "openaiApiKey"), "expected KEY=FILE"),
        (("up", "--wrong"), "No such option"),
        (("upp",), "No such command"),
    ],
)
def test_wrong_usage(run: Run, arguments: tuple[str, ...], expected_message: str) -> None:
    exit_code, message = run(*arguments)
    assert exit_code == 2
    assert expected_message in message
    assert "Traceback" not in message


def test_adopting_without_a_cluster_makes_none(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    exit_code, message = run("adopt", "--env", "dev")
    assert exit_code == 2
    assert "stackctl adopt --env dev --cluster <context>" in message
    assert "Contexts: none" in message
    assert not (tmp_path / "cache" / "nodes").exists()


def test_every_invalid_value_in_the_config_is_in_one_report(run: Run, tmp_path: Path) -> None:
    wrong = ("namespace=Not_A_Name", "redis.maxmemory=lots", "openWebui.replicas=0", "nonsense=1")
    exit_code, message = run("up", *(part for assignment in wrong for part in ("--set", assignment)))
    assert exit_code == 1
    assert all(assignment.partition("=")[0] in message for assignment in wrong)
    assert not (tmp_path / "cache").exists()


def test_a_secret_from_a_file_counts_as_given(run: Run, tmp_path: Path) -> None:
    """Its absence is not reported, and a file that is not there is."""
    url = "openWebui.openaiApiBaseUrl=https://models.example.com/v1"
    exit_code, message = run("up", "--set", url)
    assert exit_code == 1
    assert "the secret openaiApiKey is missing" in message
    exit_code, message = run("up", "--set", url, "--secret-file", f"openaiApiKey={tmp_path}/none", "--cluster", "none")
    assert exit_code == 2
    assert "openaiApiKey is missing" not in message


def test_what_is_not_up(run: Run) -> None:
    for command in ("outputs", "kubeconfig"):
        exit_code, message = run(command, "--env", "prod")
        assert exit_code == 1
        assert "prod is not up. Deploy it: stackctl up --env prod" in message


@pytest.mark.parametrize("command", ["outputs", "kubeconfig", "drift"])
def test_asking_puts_nothing_into_use(run: Run, tmp_path: Path, command: str) -> None:
    run(command)
    assert list((tmp_path / "cache").rglob("cluster.json")) == []
    assert not (tmp_path / "cache" / "environments" / "dev").exists()


def test_a_cache_that_cannot_be_made_says_how_to_name_another(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "below"):
        monkeypatch.setenv(CACHE_VARIABLE, str(place))
        exit_code, message = run("outputs")
        assert exit_code == 2
        assert f"{place}: " in message
        assert "export OPEN_WEBUI_STACK_CACHE=<directory>" in message
    monkeypatch.setenv(CACHE_VARIABLE, "~nobody-of-that-name/cache")
    assert run("outputs")[0] == 2


@pytest.mark.parametrize(
    ("number", "expected_message"),
    [(errno.ENOSPC, "run the same command again: it continues"), (errno.EACCES, "Permission denied")],
)
def test_what_the_system_refuses_is_told_without_a_trace(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: int, expected_message: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr(update, "up", refuse)
    exit_code, message = run("up")
    assert exit_code == 1
    assert message.startswith(f"/some/file: {os.strerror(number)}")
    assert expected_message in message


@pytest.mark.parametrize("text", ["{{{ : no YAML", "[1, 2]", "contexts: 5"])
def test_a_kubeconfig_that_cannot_be_read_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    # The client remembers where the user's file is.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    monkeypatch.setenv("KUBECONFIG", str(file))
    exit_code, message = run("up", "--cluster", "mine")
    assert exit_code == 2
    assert f"your kubeconfig {file} cannot be read: " in message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_to_stop_ends_a_command_with_a_word(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(update, "up", lambda *_, **__: os.kill(os.getpid(), number))
    before = signal.signal(number, signal.SIG_DFL)
    try:
        exit_code, message = run("up")
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert exit_code == 130
    assert "run the same command again" in message


def test_a_preview_that_cannot_begin_says_why_in_its_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "preview.json"
    file.write_text("an earlier one")
    exit_code, _ = run("preview", "--set", "redis.maxmemory=lots", "--json", str(file))
    assert exit_code == 1
    preview = parse(file.read_text())
    assert preview.steps == []
    assert "redis.maxmemory: not a Redis memory size" in preview.errors[0]


def test_a_preview_cannot_be_written_everywhere(run: Run) -> None:
    exit_code, message = run("preview", "--json", "/no/such/directory/preview.json")
    assert exit_code == 2
    assert "--json /no/such/directory/preview.json: No such file or directory" in message


def test_manifests_are_checked_against_the_policies(run: Run, tmp_path: Path) -> None:
    out = str(tmp_path / "manifests")
    assert run("manifests", "--env", "prod", "--out", out, "--check") == (0, "")
    against = f"openWebui.pluginEnv.NOTE=ghp_{'a1' * 18}"
    exit_code, message = run("manifests", "--out", out, "--set", against, "--check")
    assert exit_code == 1
    assert "mandatory: Deployment/open-webui: container migrate: variable NOTE holds a secret" in message
    assert "a1a1" not in message
    assert run("manifests", "--out", out, "--set", against) == (0, "")


COMMANDS = {
    *("up", "preview", "down", "outputs", "kubeconfig", "adopt", "drift"),
    *("status", "doctor", "verify", "backup", "restore", "recover", "upgrade-database", "import", "init", "manifests"),
    *("gate", "scan"),
    *("variables", "clean"),
}


def test_the_help_lists_every_command_and_the_exit_codes(stackctl: CommandLine) -> None:
    ended = stackctl("--help")
    assert ended.code == ExitCode.DONE
    listed = {line.split()[1] for line in ended.out.splitlines() if line.startswith("│ ") and line[2] != " "}
    assert listed - {"--install-completion", "--show-completion", "--help"} == COMMANDS
    assert "130 interrupted" in " ".join(ended.out.split())


def test_every_command_has_a_help_of_its_own(stackctl: CommandLine) -> None:
    words = [(name,) for name in COMMANDS] + [("backup", "run"), ("backup", "list"), ("variables", "diff")]
    for command in words:
        ended = stackctl(*command, "--help")
        assert (ended.code, ended.err) == (0, "")
        assert "Usage: stackctl " + " ".join(command) in ended.out


HEAVY = {"pulumi", "kubernetes", "grpc", "pydantic", "yaml", "rich", "stack_config", "components", "devcluster"}


def test_the_command_line_imports_no_implementation() -> None:
    """`--help`, the shell's completion and each command wait for these imports."""
    code = "import sys, stackctl.app; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = set(imported.split())
    assert "stackctl.verify.command" in names
    assert not HEAVY & {name.partition(".")[0] for name in names}
    packages = {name for name in names if name.startswith("stackctl.") and name.count(".") == 2}
    assert {name.rpartition(".")[2] for name in packages} == {"command"}


def test_up_does_not_import_what_verify_needs() -> None:
    code = "import sys, stackctl.deploy.update; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    others = (
        "verify",
        "backup",
        "gate",
        "scan",
        "variables",
        "deployed",
        "adopt",
        "drift",
        "render",
        "status",
        "doctor",
    )
    assert not [name for name in imported.split() if name.startswith(tuple(f"stackctl.{other}" for other in others))]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (LocalError("m"), 1),
        (UsageError("m"), 2),
        (NothingCheckedError("m"), 2),
        (DriftError("m"), 2),
        (UnhealthyError("m"), 2),
        (SymptomError("m"), 2),
        (InterruptedByUserError("m"), 130),
        (KubectlError("m"), 1),
        (ScanError("m"), 2),
        (ClassesError("m"), 1),
        (ReadingError("m"), 1),
        (StackFileError("m"), 2),
        (ConfigError("m"), 1),
        (RunError("m"), 1),
        (OSError(errno.EACCES, "m"), 1),
    ],
)
def test_the_exit_code_of_each_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, exit_code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(update, "up", fail)
    assert run("up") == (exit_code, "m\n")


def test_a_fault_of_the_program_has_its_trace(stackctl: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("fault")

    monkeypatch.setattr(update, "up", fail)
    with pytest.raises(KeyError, match="fault"):
        stackctl("up")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_completion_is_printed(shell: str) -> None:
    environment = {**os.environ, "_STACKCTL_COMPLETE": f"source_{shell}"}
    code = "import sys; sys.argv[0] = 'stackctl'; from stackctl.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "_STACKCTL_COMPLETE=complete_" in done.stdout


def test_completion_offers_the_commands() -> None:
    environment = {
        **os.environ,
        "_STACKCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "stackctl ver",
        "COMP_CWORD": "1",
    }
    code = "import sys; sys.argv[0] = 'stackctl'; from stackctl.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["verify"]


def test_make_names_its_own_targets(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CALLER_VARIABLE, "make")
    assert "prod is not up. Deploy it: make up ENV=prod\n" in run("outputs", "--env", "prod")[1]
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    refused = run("adopt", "--env", "dev")[1]
    assert refused.startswith("CLUSTER=auto would create an empty cluster")
    assert "make adopt ENV=dev CLUSTER=<context>" in refused


def test_the_makefile_calls_stackctl_as_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"STACKCTL := {CALLER_VARIABLE}=make $(PY) -m stackctl\n" in makefile
    assert "-m stackctl" not in makefile.replace("$(PY) -m stackctl\n", "", 1)


@pytest.mark.parametrize(
    ("command", "options", "by_make", "by_hand"),
    [
        ("up", {"env": "prod", "refresh": True}, "make up ENV=prod REFRESH=1", "stackctl up --env prod --refresh"),
        ("backup list", {"env": None}, "make backups", "stackctl backup list"),
        ("backup run", {}, "make backup", "stackctl backup run"),
        ("up", {"set": "a=b c"}, "make up SET='a=b c'", "stackctl up --set 'a=b c'"),
        (
            "up",
            {"secret_file": "<key>=<file>"},
            "make up SECRET_FILE=<key>=<file>",
            "stackctl up --secret-file <key>=<file>",
        ),
    ],
)
def test_a_command_in_a_message(
    monkeypatch: pytest.MonkeyPatch, command: str, options: dict[str, str | bool | None], by_make: str, by_hand: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/stackctl"])
    assert command_line(command, **options) == by_hand
    monkeypatch.setattr(sys, "argv", ["/src/stackctl/__main__.py"])
    assert command_line(command, **options) == f"python -m {by_hand}"
    monkeypatch.setenv(CALLER_VARIABLE, "make")
    assert command_line(command, **options) == by_make
