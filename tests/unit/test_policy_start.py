"""The process of the policy pack, started as the language host starts it, and by `policy/serve`.

With the language host of Pulumi 3.259 itself: docs/decisions/0017-policies.md.
"""

import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
import yaml

from stack_config.files import ROOT

ADDRESS = "127.0.0.1:1"
OPTIONS = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text())["runtime"]["options"]
PYTHON = Path(OPTIONS["virtualenv"], "bin", "python")
# RunPlugin in sdk/python/cmd/pulumi-language-python/main.go of pulumi 3.259, for a plugin of kind analyzer.
BY_THE_HOST = (str(PYTHON), "-u", "-m", "pulumi.policy", ADDRESS, ".")
BY_SERVE = ("./serve", ADDRESS)
STARTED = pytest.mark.parametrize("command", [BY_THE_HOST, BY_SERVE], ids=["language host", "serve"])


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The pack without an environment."""
    pack = tmp_path / "policy"
    for file in ("serve", "PulumiPolicy.yaml", str(PYTHON)):
        (pack / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "policy" / file, pack / file)
    return pack


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def start(pack: Path, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": ""}
    return subprocess.run(
        [pack / command[0], *command[1:]],
        cwd=pack,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# The host announces the pack and only then starts it. Where there is no program to start, the engine waits forever.
def test_the_program_that_the_host_starts_is_in_the_repository() -> None:
    assert OPTIONS["toolchain"] == "pip"
    listed = subprocess.run(
        ["git", "ls-files", "--stage", ROOT / "policy" / PYTHON], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout.startswith("100755 ")


@STARTED
@pytest.mark.parametrize("incomplete", [False, True], ids=["no environment", "an empty one"])
def test_a_pack_without_its_environment_ends_with_what_is_missing(
    pack: Path, command: tuple[str, ...], incomplete: bool
) -> None:
    if incomplete:
        venv.create(pack / ".venv", with_pip=False)
    started = time.monotonic()
    done = start(pack, command)
    assert time.monotonic() - started < 30
    # The host reads the port from stdout, and the end of stdout as a failure.
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{pack}/.venv is missing or lacks pulumi_policy\nfix:   (cd {pack} && pulumi install)" in done.stderr


@STARTED
@pytest.mark.parametrize("environment", [".venv/bin/python", str(PYTHON.with_name("python3"))])
def test_with_its_environment_it_gets_the_address_of_the_engine(
    pack: Path, command: tuple[str, ...], environment: str
) -> None:
    program(pack / environment, f'[ "$1" = -c ] || echo {environment} "$@"')
    done = start(pack, command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"{environment} -u -m pulumi.policy {ADDRESS} ."


def test_pulumi_install_creates_the_environment_around_the_program(pack: Path) -> None:
    """It runs `python3 -m venv` on the directory, and then `pip` with the program in it (`toolchain/pip.go`)."""
    directory = pack / OPTIONS["virtualenv"]
    subprocess.run([shutil.which("python3") or sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    assert (pack / PYTHON).read_text() == (ROOT / "policy" / PYTHON).read_text()
    done = start(pack, (str(PYTHON), "-c", "import sys; print(sys.prefix)"))
    assert (done.returncode, done.stdout) == (0, f"{directory}\n"), done.stderr
