"""Which Pulumi and which providers are used, and what is said when they cannot be had."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster.node import cluster_dns
from devcluster.toolchain import go_programs, providers, pulumi_cli
from devcluster.toolchain.go_programs import (
    ACTIONLINT,
    CLOUDNATIVE_PG,
    CLOUDNATIVE_PG_VERSION,
    CONTROL_PLANE,
    COREDNS,
    KUBE_SCORE,
    KUBECTL,
    KWOK,
    NODE,
    OLLAMA,
    PROMTOOL,
    PULUMI,
    SDKGEN,
    YAML_HOST,
    GoProgram,
)
from devcluster.toolchain.providers import needed, search_path, uses_emulators
from host.directories import CACHE_VARIABLE, programs_directory
from host.processes import is_alive
from host.waiting import attempts
from scripts import build_toolchain
from stack_config.files import ROOT
from terminal.errors import LocalError

Install = Callable[[str, str], Path]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH, a cache of its own, and no way to download anything."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(pulumi_cli, "can_be_downloaded", lambda: False)
    monkeypatch.setattr(providers, "can_be_downloaded", lambda: False)
    search_path.cache_clear()
    return directory


@pytest.fixture
def install(programs: Path) -> Install:
    """Function that puts a shell script on PATH."""

    def write(name: str, script: str) -> Path:
        file = programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    return write


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a build of the CLI would give."""
    executable = Path("/built/pulumi")
    monkeypatch.setattr(pulumi_cli, "build", lambda _: executable)
    return executable


@pytest.mark.parametrize("version", ["v3.259.0", "v3.272.0", "v4.0.0"])
def test_pulumi_on_the_path_is_used(install: Install, version: str) -> None:
    pulumi = install("pulumi", f"echo {version}")
    assert pulumi_cli.pulumi_cli() == pulumi


@pytest.mark.parametrize(
    ("script", "message"), [("echo v3.100.0", "3.100.0"), ("echo what", "unknown"), ("exit 1", "unk")]
)
def test_pulumi_that_is_too_old_is_passed_over_with_a_word(
    install: Install, built: Path, script: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = install("pulumi", script)
    assert pulumi_cli.pulumi_cli() == built
    notice = capsys.readouterr().err
    assert f"{pulumi} is version {message}" in notice
    assert "older than 3.259.0" in notice


@pytest.mark.usefixtures("programs")
def test_pulumi_that_was_downloaded_is_used(built: Path, tmp_path: Path) -> None:
    assert pulumi_cli.pulumi_cli() == built
    downloaded = tmp_path / "cache" / "programs" / "pulumi-download-3.259.0" / "bin" / "pulumi"
    downloaded.parent.mkdir(parents=True)
    downloaded.touch()
    assert pulumi_cli.pulumi_cli() == downloaded


def test_official_providers_on_the_path_are_used(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi = install("pulumi", "exit 1")
    for provider in needed():
        install(provider.executable, "exit 0")
    path = search_path(pulumi)
    assert not uses_emulators(path)
    assert shutil.which("pulumi-resource-kubernetes", path=path) == str(pulumi.parent / "pulumi-resource-kubernetes")
    assert capsys.readouterr().err == ""


def test_official_plugins_that_are_installed_are_used(install: Install) -> None:
    plugins = [{"name": provider.name, "kind": "resource", "version": provider.version} for provider in needed()]
    pulumi = install("pulumi", f"echo '{json.dumps(plugins)}'")
    assert not uses_emulators(search_path(pulumi))


def test_another_version_of_a_plugin_will_not_do(install: Install) -> None:
    plugins = [{"name": provider.name, "kind": "resource", "version": "0.1.0"} for provider in needed()]
    assert uses_emulators(search_path(install("pulumi", f"echo '{json.dumps(plugins)}'")))


def test_each_provider_is_looked_for_on_its_own(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi = install("pulumi", "echo '[]'")
    official = install("pulumi-resource-random", "exit 0")
    path = search_path(pulumi)
    assert uses_emulators(path)
    assert shutil.which("pulumi-resource-random", path=path) == str(official)
    emulator = shutil.which("pulumi-resource-kubernetes", path=path)
    assert emulator
    assert Path(emulator).parent != official.parent
    assert "plugins for kubernetes cannot be downloaded" in capsys.readouterr().err.replace("\n", " ")


def test_emulators_on_the_path_are_not_taken_for_official(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = install("pulumi", "echo '[]'")
    first = search_path(pulumi)
    monkeypatch.setenv("PATH", first)
    search_path.cache_clear()
    again = search_path(pulumi)
    assert uses_emulators(again)
    assert again.split(os.pathsep)[0] == first.split(os.pathsep)[0]


def test_each_checkout_has_its_own_emulators(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """They start this checkout's code; the cache is the user's, whichever checkout filled it last."""
    pulumi = install("pulumi", "echo '[]'")
    ours = search_path(pulumi).split(os.pathsep)[0]
    assert str(ROOT) in (Path(ours) / "pulumi-resource-kubernetes").read_text()
    monkeypatch.setattr("devcluster.toolchain.providers.ROOT", Path("/another/checkout"))
    search_path.cache_clear()
    assert search_path(pulumi).split(os.pathsep)[0] != ours


@pytest.mark.parametrize(("script", "installed"), [("exit 0", True), ("echo no such host >&2; exit 255", False)])
def test_providers_are_downloaded_where_that_works(
    install: Install, script: str, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "can_be_downloaded", lambda: True)
    pulumi = install("pulumi", f'if [ "$2" = ls ]; then echo "[]"; else {script}; fi')
    assert uses_emulators(search_path(pulumi)) is not installed


@pytest.mark.usefixtures("programs")
def test_missing_go_says_how_to_get_it() -> None:
    with pytest.raises(LocalError, match=r"Go is missing.*\nInstall Go 1\.21 or newer \(https://go\.dev"):
        go_programs.build(PULUMI)


def test_go_that_is_too_old_is_named(install: Install) -> None:
    go = install("go", "echo go version go1.19.8 linux/amd64")
    with pytest.raises(LocalError, match=rf"{go} is Go 1\.19, too old"):
        go_programs.build(PULUMI)


def test_failed_build_shows_the_command_and_what_it_said(install: Install, tmp_path: Path) -> None:
    install("go", 'if [ "$1" = version ]; then echo go version go1.26.8; else echo "no space left" >&2; exit 1; fi')
    with pytest.raises(LocalError, match="no space left") as failed:
        go_programs.build(PULUMI)
    assert "go build -C" in str(failed.value)
    assert str(failed.value).endswith("Then run the same command again: it continues.")
    assert "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi" in str(failed.value)
    assert not list((tmp_path / "cache" / "programs").glob("*/pulumi"))


@pytest.mark.parametrize("hears", [True, False], ids=["Go hears it", "Go does not"])
def test_a_build_that_is_stopped_leaves_no_go_behind(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hears: bool
) -> None:
    monkeypatch.setattr(go_programs, "_END_SECONDS", 10 if hears else 0.2)
    started = tmp_path / "started"
    waits = f"{sys.executable} -c 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_{{}}); "
    waits = waits.format("DFL" if hears else "IGN") + 'print("go: downloading", flush=True); time.sleep(60)\''
    install("go", f'if [ "$1" = version ]; then echo go version go1.26.8; else echo $$ >{started}; exec {waits}; fi')

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    @contextmanager
    def step(*_: object) -> Iterator[Callable[[object], None]]:
        yield stop

    monkeypatch.setattr(go_programs, "step", step)
    with pytest.raises(KeyboardInterrupt):
        go_programs.build(PULUMI)
    process = int(started.read_text())
    assert any(not is_alive(process) for _ in attempts(seconds=10, every=0.02)), "it is still there"


def test_what_was_built_is_not_built_again(install: Install) -> None:
    install("go", GO_THAT_BUILDS)
    first = go_programs.build(PULUMI)
    install("go", "exit 1")
    assert go_programs.build(PULUMI) == first
    assert first.read_text() == "built\n"


def test_another_version_is_built_and_the_one_before_removed(install: Install) -> None:
    install("go", GO_THAT_BUILDS)
    before = go_programs.build(PULUMI)
    newer = GoProgram(name="pulumi", module="pulumi", package=PULUMI.package, usual_seconds=1, variables=("a=b",))
    after = go_programs.build(newer)
    assert after.exists()
    assert not before.exists()


def test_kubectl_is_built_only_where_there_is_none(install: Install) -> None:
    install("go", GO_THAT_BUILDS)
    assert go_programs.kubectl().parent.parent == programs_directory()
    own = install("kubectl", "exit 0")
    assert go_programs.kubectl() == own


@pytest.mark.parametrize(("program", "tags"), [(PROMTOOL, "remove_all_sd"), (KUBECTL, "")], ids=["some", "none"])
def test_the_build_tags_of_a_program_are_passed_to_go(install: Install, program: GoProgram, tags: str) -> None:
    install("go", f'[ "$1" = version ] || echo "$@" >{programs_directory()}/arguments\n{GO_THAT_BUILDS}')
    go_programs.build(program)
    assert f" -tags {tags} -ldflags " in (programs_directory() / "arguments").read_text()


def test_a_change_of_the_source_in_a_module_builds_that_program_again(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("go", GO_THAT_BUILDS)
    modules = tmp_path / "modules"
    shutil.copytree(Path(go_programs.__file__).parent / COREDNS.module, modules / COREDNS.module)
    monkeypatch.setattr(go_programs, "_MODULES", modules)
    before = {program.name: go_programs.build(program) for program in (COREDNS, KWOK)}
    with (modules / COREDNS.module / COREDNS.package / "main.go").open("a") as source:
        source.write("// another\n")
    assert go_programs.build(COREDNS) != before[COREDNS.name]
    assert go_programs.build(KWOK) == before[KWOK.name]


def test_a_new_measurement_of_the_time_builds_nothing_again(install: Install) -> None:
    install("go", GO_THAT_BUILDS)
    first = go_programs.build(PULUMI)
    assert go_programs.build(replace(PULUMI, usual_seconds=PULUMI.usual_seconds + 1)) == first


def test_coredns_has_the_plugins_of_the_corefile_and_no_others() -> None:
    source = Path(go_programs.__file__).parent / COREDNS.module / COREDNS.package / "main.go"
    plugins = set(re.findall(r'_ "github\.com/coredns/coredns/plugin/(\w+)"', source.read_text()))
    assert plugins == set(re.findall(r"^    (\w+)", cluster_dns._COREFILE, re.MULTILINE))


def test_the_background_of_the_gate_builds_everything_but_what_others_build() -> None:
    in_checks, with_all = {KUBE_SCORE, ACTIONLINT}, {CLOUDNATIVE_PG, OLLAMA, YAML_HOST}
    background = {*build_toolchain.SERVERS, PULUMI, KUBECTL, *build_toolchain.ENGINE, *build_toolchain.E2E}
    assert background == every_program() - in_checks - with_all


def test_a_build_that_fails_does_not_stop_the_others(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = f'case "$*" in *" {PROMTOOL.package}") echo "no space left" >&2; exit 1;; esac'
    install("go", f"{fails}\n{GO_THAT_BUILDS}")
    monkeypatch.setattr(build_toolchain, "pulumi_cli", lambda: go_programs.build(PULUMI))
    assert build_toolchain.main() == 1
    assert "no space left" in capsys.readouterr().err
    built = {*build_toolchain.SERVERS, PULUMI, KUBECTL, *build_toolchain.ENGINE, *build_toolchain.E2E}
    assert go_programs.missing(tuple(built)) == [PROMTOOL]


def test_every_program_is_pinned_by_its_module() -> None:
    for program in every_program() - {COREDNS, SDKGEN}:
        module = Path(go_programs.__file__).parent / program.module
        tools = (module / "go.mod").read_text()
        assert f"{program.package}\n" in tools
        assert (module / "go.sum").stat().st_size > 0


def test_the_libraries_of_the_api_have_the_versions_of_the_release_of_kubernetes() -> None:
    """Other programs of the module need newer ones; how the API server merges and validates must not depend on them."""
    module = (Path(go_programs.__file__).parent / "kubernetes" / "go.mod").read_text()
    (release,) = re.findall(r"^\tk8s\.io/kubernetes v1(\.\S+)", module, re.MULTILINE)
    replaced = dict(re.findall(r"^\t(\S+) => \1 (\S+)$", module, re.MULTILINE))
    assert {replaced[f"k8s.io/{name}"] for name in ("api", "apimachinery", "apiserver", "client-go")} == {
        f"v0{release}"
    }
    assert {"k8s.io/kube-openapi", "k8s.io/utils", "sigs.k8s.io/structured-merge-diff/v6"} <= replaced.keys()


def test_the_image_of_the_operator_has_the_version_that_is_built() -> None:
    pinned = (Path(go_programs.__file__).parent / CLOUDNATIVE_PG.module / "go.mod").read_text()
    assert f"github.com/cloudnative-pg/cloudnative-pg v{CLOUDNATIVE_PG_VERSION} " in pinned


def every_program() -> set[GoProgram]:
    single = {program for program in vars(go_programs).values() if isinstance(program, GoProgram)}
    return {*single, *CONTROL_PLANE, *NODE}


# Writes the file after -o, as `go build` does.
GO_THAT_BUILDS = """\
if [ "$1" = version ]; then echo go version go1.26.8; exit; fi
while [ "$1" != -o ]; do shift; done
echo built >"$2"
"""
