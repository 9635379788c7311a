"""A failed check of the e2e tier does not print a session's token."""

import subprocess
import sys
from pathlib import Path

from stack_config.files import ROOT

SECRET = "eyJhbGciOiJIUzI1NiJ9.of-a-session"
CHECK = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.support.e2e.session_tokens import Token

def use(token, config):
    assert token.startswith("ey") and "Bearer " + token == f"Bearer {{token}}"
    assert config["token"] is None

def test_fails():
    token = {{}}
    token["token"] = Token("".join(("eyJhbGciOiJIUzI1NiJ9", ".of-a-session")))
    use(token["token"], token)
"""


def test_a_token_is_hidden_in_the_arguments_of_a_failed_check(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(CHECK)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--showlocals", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "<token of a session>" in done.stdout
    assert SECRET not in done.stdout + done.stderr
