"""The command line of `local`: what it refuses, how it says so, and that nothing has been started then."""

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from host.directories import CACHE_VARIABLE
from stackctl.__main__ import main
from stackctl.deploy import commands
from stackctl.gate.model import parse


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return Run(monkeypatch, capsys)


class Run:
    """Runs a command line; the exit code and what it wrote to stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "argv", ["local", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return end.value.code, self._capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("up", "--env", "test"), "There are: dev, prod"),
        (("outputs", "--env", "test"), "There are: dev, prod"),
        (("down", "--env", "test"), "There are: dev, prod"),
        (("up", "--set", "redis.maxmemory"), "expected KEY=VALUE"),
        (("up", "--secret-file", "openaiApiKey"), "expected KEY=FILE"),
        (("up", "--wrong"), "No such option"),
        (("upp",), "No such command"),
    ],
)
def test_wrong_usage(run: Run, arguments: tuple[str, ...], told: str) -> None:
    exit_code, message = run(*arguments)
    assert exit_code == 2
    assert told in message
    assert "Traceback" not in message


def test_adopting_without_a_cluster_makes_none(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    exit_code, message = run("adopt", "--env", "dev")
    assert exit_code == 2
    assert "make adopt ENV=dev CLUSTER=<context>" in message
    assert "Contexts there: none" in message
    assert not (tmp_path / "cache" / "nodes").exists()


def test_every_mistake_in_the_config_is_in_one_report(run: Run, tmp_path: Path) -> None:
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
        assert "prod is not up. Deploy it: make up ENV=prod" in message


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
    ("number", "told"),
    [(errno.ENOSPC, "Make room and run the same command again"), (errno.EACCES, "Permission denied")],
)
def test_what_the_system_refuses_is_told_without_a_trace(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr(commands, "up", refuse)
    exit_code, message = run("up")
    assert exit_code == 1
    assert message.startswith(f"/some/file: {os.strerror(number)}")
    assert told in message


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
    monkeypatch.setattr(commands, "up", lambda *_, **__: os.kill(os.getpid(), number))
    before = signal.signal(number, signal.SIG_DFL)
    try:
        exit_code, message = run("up")
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert exit_code == 130
    assert "the same command goes on" in message


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
