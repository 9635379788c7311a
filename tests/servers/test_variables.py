"""The table of environment variables against the real Open WebUI and the real server that it runs in."""

import ast
import json
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.open_webui.names import PORT
from components.open_webui.variables import TABLE_FILE, VariableClass, variable_table
from stackctl.variables.classes import readings_of
from stackctl.variables.reading import read_package
from tests.support.servers.addresses import free_port
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui_image import PACKAGES, installed_package
from tests.support.servers.server_process import check_alive, running, wait_until
from tests.support.unit.recording import run

PYTHON = str(PACKAGES / "bin" / "python")

# The settings are the same without it (test_faster_import.py).
PREPARE = "from startup.faster_import import prepare_import; prepare_import()"

SHOW_SETTINGS = """
import json
from open_webui import config, env
settings = {
    f"{module.__name__}.{name}": repr(value)
    for module in (env, config)
    for name, value in vars(module).items()
    if name.isupper() and " at 0x" not in repr(value)
}
print("settings:" + json.dumps(settings))
"""

ECHO = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
"""


@pytest.fixture(scope="module")
def package() -> Path:
    """The installed package of Open WebUI."""
    return installed_package()


def test_the_table_is_of_what_the_release_reads(package: Path) -> None:
    assert read_package(package) == readings_of(json.loads(TABLE_FILE.read_text()))


def run_in_open_webui(program: str, package: Path, directory: Path, variables: Mapping[str, str]) -> str:
    """What a Python program prints in the environment of Open WebUI with these variables."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "DATA_DIR": str(directory / "data"),
        "STATIC_DIR": str(directory / "static"),
        "FRONTEND_BUILD_DIR": str(package / "frontend"),
        "PYTHONPATH": str(SCRIPTS),
        "USE_SLIM_DOCKER": "true",
        "WEBUI_SECRET_KEY": "not-a-secret",
        "ENABLE_DB_MIGRATIONS": "false",
        "OFFLINE_MODE": "true",
        "OLLAMA_BASE_URL": "http://localhost:1",
        "INSTANCE_ID": "test",
        # Sets are in the same order in both processes.
        "PYTHONHASHSEED": "0",
        **variables,
    }
    done = subprocess.run(
        [PYTHON, "-c", f"{PREPARE}\n{program}"],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings(package: Path, directory: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The settings that Open WebUI has after its import with these variables, as Python source."""
    printed = run_in_open_webui(SHOW_SETTINGS, package, directory, variables)
    values: dict[str, str] = json.loads(printed.partition("settings:")[2])
    return values


def defaults(*kinds: VariableClass) -> dict[str, str]:
    """Variables of the classes with their defaults, where the source has a literal."""
    literals: dict[str, str] = {}
    for variable in variable_table().read:
        try:
            default: Any = ast.literal_eval(variable.default or "None")
        except ValueError:
            continue  # follows from another variable
        if variable.rule.kind in kinds and default is not None:
            literals[variable.name] = str(default)
    return literals


def test_the_default_of_every_allowed_variable_changes_nothing(package: Path, tmp_path: Path) -> None:
    variables = defaults(VariableClass.ALLOWED, VariableClass.CONDITIONAL)
    assert len(variables) > 400
    plain = settings(package, tmp_path, {})
    assert len(plain) > 700
    assert settings(package, tmp_path, variables) == plain


def test_the_application_is_imported_with_every_allowed_variable(package: Path, tmp_path: Path) -> None:
    variables = defaults(VariableClass.ALLOWED, VariableClass.CONDITIONAL)
    assert "imported" in run_in_open_webui("import open_webui.main; print('imported')", package, tmp_path, variables)


def test_an_allowed_variable_has_its_effect(package: Path, tmp_path: Path) -> None:
    values = settings(package, tmp_path, {"RAG_SOURCE_METADATA_KEYS": "name, page", "CHUNK_SIZE": "7"})
    assert values["open_webui.env.RAG_SOURCE_METADATA_KEYS"] == "['name', 'page']"
    assert values["open_webui.config.CHUNK_SIZE"] == "7"


def handshake(port: int) -> str:
    """The answer to a websocket's request that offers compression."""
    lines = (
        "GET / HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions: permessage-deflate",
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096).decode()


@pytest.mark.parametrize(("value", "compresses"), [("true", True), ("false", False)])
def test_the_stacks_command_reads_the_compression_of_websockets(
    package: Path, tmp_path: Path, value: str, compresses: bool
) -> None:
    assert package
    (tmp_path / "open_webui").mkdir()
    (tmp_path / "open_webui/__init__.py").touch()
    (tmp_path / "open_webui/main.py").write_text(ECHO)
    port = free_port()
    words = {"python": PYTHON, "0.0.0.0": "127.0.0.1", str(PORT): str(port)}
    command = [words.get(word, word) for word in run("dev").containers["open-webui/open-webui"]["command"]]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(SCRIPTS),
        "UVICORN_WS_PER_MESSAGE_DEFLATE": value,
    }
    log = tmp_path / "log"
    with running(
        command,
        directory=tmp_path,
        log=log,
        stop_signal=signal.SIGTERM,
        environment=environment,
        as_container_user=False,
    ) as server:

        def listens() -> bool:
            check_alive(server, log)
            return _listens(port)

        wait_until(listens, "uvicorn listens")
        answer = handshake(port)
    assert " 101 " in answer
    assert ("permessage-deflate" in answer) == compresses


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
