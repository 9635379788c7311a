"""The pod of an import: a web pod without its server, which no Service selects."""

import copy
import json
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from components.blocks.connection_keys import DIRECT_URL
from components.open_webui import names as open_webui
from components.open_webui.environment import DATA_DIRECTORY
from components.postgresql import names as postgresql
from host.waiting import attempts
from terminal.errors import LocalError

from ..deployed.kubectl import Kubectl, KubectlError
from ..deployed.stack import Stack, why_not_ready
from ..redaction import redact

NAME = "open-webui-import"
DIRECTORY = "/tmp/import"
"""Where the pod has the program and the copies."""

_INSIDE = Path(__file__).with_name("inside")
_START_SECONDS = 300
_LONGEST_SECONDS = 24 * 3600
_POLL_SECONDS = 1
# Never true: without it a pod with the labels of the web pods would get their requests.
_GATE = "open-webui-stack/serves-requests"
_PROGRAM = """\
import gc, sys
from startup.script import run
from inside.program import main
status = run(main)
# At its end Python collects garbage among all objects of all modules.
gc.freeze()
sys.exit(status)
"""
# Without the parameter `filter`, which Python 3.11 has since 3.11.4 alone: this command writes the archive itself.
_RECEIVE = """\
import sys, tarfile
tarfile.open(fileobj=sys.stdin.buffer, mode="r|").extractall(sys.argv[1])
"""
_DATABASE_URL = "DATABASE_URL"
_RESULT = "result: "
_MESSAGE = "import: "


@dataclass(frozen=True, kw_only=True)
class ImportPod:
    """The running pod."""

    kubectl: Kubectl
    variables: tuple[str, ...]
    """Names of the environment variables that the stack sets."""

    loses_uploads: bool
    """Whether each pod stores its own uploads: those of this pod would be lost with it."""

    def install(self) -> None:
        """Copy the program into the pod."""
        with tempfile.TemporaryDirectory() as name:
            program = Path(name) / "import.py"
            program.write_text(_PROGRAM)
            modules = sorted(_INSIDE.glob("*.py"))
            self.send([(program, program.name), *((file, f"{_INSIDE.name}/{file.name}") for file in modules)])

    def send(self, files: Iterable[tuple[Path, str]]) -> None:
        """Copy files into the pod, with their names there, below `DIRECTORY`."""
        self._run(["-c", _RECEIVE, DIRECTORY], files, lambda _line: None)

    def run(self, action: str, options: dict[str, Any], files: Iterable[Path], progress: Callable[[str], None]) -> Any:
        """Run the import's program, and return its result.

        Args:
            action: ``plan`` or ``apply``.
            options: of the action; no secrets.
            files: uploads, which the program gets in a tar archive.
            progress: receives its messages.

        Raises:
            LocalError: it failed; the message is its reason.
        """
        named = [(file, file.name) for file in files]
        lines = self._run([f"{DIRECTORY}/import.py", action, json.dumps(options)], named, progress)
        for line in reversed(lines):
            if line.startswith(_RESULT):
                return json.loads(line.removeprefix(_RESULT))
        raise LocalError("the import ended without a result. Run the same command again: it says what the stack holds")

    def _run(
        self, arguments: list[str], files: Iterable[tuple[Path, str]], progress: Callable[[str], None]
    ) -> list[str]:
        command = self.kubectl.command("exec", "-i", NAME, "-c", open_webui.APP, "--", "python", *arguments)
        # In a session of its own: Ctrl-C must not reach kubectl, the pod is deleted instead.
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            # In a thread, because a program that prints more than the pipe holds would wait for a reader.
            writing = threading.Thread(target=_write, args=(process.stdin, files), daemon=True)
            writing.start()
            lines = []
            try:
                for line in process.stdout:
                    lines.append(line.decode(errors="replace").rstrip())
                    if lines[-1].startswith(_MESSAGE):
                        progress(lines[-1].removeprefix(_MESSAGE))
            except BaseException:
                process.kill()
                raise
            writing.join()
        if process.returncode:
            # The program's own messages: other lines may contain a text of a user. Without one it did not start.
            messages = [line.removeprefix(_MESSAGE) for line in lines if line.startswith(_MESSAGE)]
            raise LocalError("\n".join(messages[-3:] or map(redact, lines[-2:])) or "the import printed nothing")
        return lines


def _write(stream: IO[bytes], files: Iterable[tuple[Path, str]]) -> None:
    # A program that ended early has printed why.
    with suppress(BrokenPipeError), stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for file, name in files:
            archive.add(file, name, recursive=False, filter=_readable)


def _readable(member: tarfile.TarInfo) -> tarfile.TarInfo:
    # The user of the container owns what it extracts.
    return member.replace(mode=0o644, uid=0, gid=0, uname="", gname="", deep=False)


@contextmanager
def import_pod(stack: Stack, size: int) -> Iterator[ImportPod]:
    """Create the pod with the program, and delete it afterwards, also on failure.

    Args:
        stack: the deployed stack.
        size: of the copies, in bytes.

    Raises:
        LocalError: another import is running, or the pod did not start.
    """
    kubectl, template = stack.kubectl, stack.deployment()["spec"]["template"]
    _refuse_another(kubectl)
    container = template["spec"]["containers"][0]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    stores_locally = stack.variable("STORAGE_PROVIDER") in ("", "local")
    pod = ImportPod(
        kubectl=kubectl,
        variables=tuple(variable["name"] for variable in container["env"]),
        loses_uploads=stores_locally and f"{DATA_DIRECTORY}/uploads" not in mounts,
    )
    try:
        kubectl.apply(pod_manifest(template, size, past_pooler=has_direct_url(stack)))
        _wait(kubectl)
        pod.install()
        yield pod
    finally:
        # Its connection to the database ends with it: an unfinished import is rolled back.
        kubectl.run("delete", "pod", NAME, "--ignore-not-found", "--grace-period=1", "--wait", seconds=120)


def has_direct_url(stack: Stack) -> bool:
    """Whether a pooler is in front of the database, and the stack has the URL of the server itself."""
    secret, _ = stack.secret_sources().get(_DATABASE_URL, ("", ""))
    return secret == postgresql.SECRET and DIRECT_URL in stack.secret(secret)


def pod_manifest(template: dict[str, Any], size: int, *, past_pooler: bool = False) -> dict[str, Any]:
    """The pod, from the template of the web pods: their image, variables, volumes, and network policies.

    Args:
        template: pod template of the Deployment.
        size: of the copies, in bytes. A migration and Open WebUI's copy of an upload need as much again.
        past_pooler: whether it connects to the server itself. The import takes a lock, which is of a session; in
            transaction mode it would stay in a connection of the pool.
    """
    spec = copy.deepcopy(template["spec"])
    container = next(each for each in spec["containers"] if each["name"] == open_webui.APP)
    for key in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "ports"):
        container.pop(key, None)
    container["command"] = ["python", "-c", f"import time; time.sleep({_LONGEST_SECONDS})"]
    container["args"] = []
    if past_pooler:
        [variable] = [each for each in container["env"] if each["name"] == _DATABASE_URL]
        variable["valueFrom"]["secretKeyRef"]["key"] = DIRECT_URL
    limits = container.get("resources", {}).get("limits", {})
    if (megabytes := 3 * size // 2**20) > 64:
        limits.pop("ephemeral-storage", None)
        limits["ephemeral-storage"] = f"{megabytes + 2048}Mi"
    spec |= {
        "initContainers": [],
        "containers": [container],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": _LONGEST_SECONDS,
        "terminationGracePeriodSeconds": 1,
        "readinessGates": [{"conditionType": _GATE}],
        "topologySpreadConstraints": [],
    }
    labels = {name: value for name, value in template["metadata"]["labels"].items() if name != "pod-template-hash"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": labels}, "spec": spec}


def _refuse_another(kubectl: Kubectl) -> None:
    if kubectl.run("get", "pod", NAME, "--ignore-not-found", "-o", "name").strip():
        raise LocalError(
            f"there is a pod {NAME}: another import is running, or was killed. Nothing was changed.\n"
            f"If none is running, delete it: {kubectl.shown()} delete pod {NAME}"
        )


def _wait(kubectl: Kubectl) -> None:
    waiting = "it is not created yet"
    for _ in attempts(seconds=_START_SECONDS, every=_POLL_SECONDS):
        with suppress(KubectlError):
            pod = kubectl.get("pod", NAME)
            if any("running" in each.get("state", {}) for each in pod["status"].get("containerStatuses", ())):
                return
            waiting = why_not_ready(pod)
    raise LocalError(f"the pod {NAME} did not start within {_START_SECONDS} s: {waiting}")
