"""The process of an emulator lives as long as its engine."""

import subprocess
import sys

from host.processes import is_alive
from host.waiting import attempts
from stack_config.files import ROOT

ENGINE = """
import subprocess, sys, time
command = [sys.executable, "-m", "emulators", "random", "127.0.0.1:1"]
plugin = subprocess.Popen(command, stdout=subprocess.PIPE)
plugin.stdout.readline()
print(plugin.pid, flush=True)
time.sleep(60)
"""


def test_a_provider_emulator_ends_when_its_engine_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", ENGINE], cwd=ROOT, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout
        plugin = int(engine.stdout.readline())
        assert is_alive(plugin)
        engine.kill()
    assert any(not is_alive(plugin) for _ in attempts(seconds=10, every=0.02)), "it is still there"
