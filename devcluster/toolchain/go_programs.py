"""Programs built from Go modules, pinned by the go.mod and go.sum beside this file."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host.directories import programs_directory
from host.locks import exclusive
from terminal.console import step
from terminal.errors import LocalError

_MODULES = Path(__file__).parent
_END_SECONDS = 10
_KUBERNETES_VERSION = "v1.36.3"
_PULUMI_VERSION = "v3.259.0"
# The first one that fetches by itself the newer Go that a go.mod asks for: https://go.dev/doc/toolchain
_OLDEST_GO = (1, 21)
# All programs together leave 7.3 GB in GOCACHE and 5.6 GB in GOMODCACHE (measured).
_WHAT_NEXT = (
    "A build needs a Go module proxy and up to 13 GB for Go's caches; GOPROXY, GOCACHE and GOMODCACHE name others.\n"
    "Then run the same command again: it goes on from there."
)
_HOW_TO_GET_GO = "Install Go 1.21 or newer (https://go.dev/dl/), then run this command again."


@dataclass(frozen=True, kw_only=True)
class GoProgram:
    """One program and how it is built."""

    name: str
    """Name of the executable."""

    module: str
    """Directory beside this file with go.mod and go.sum."""

    package: str
    """Its main package."""

    usual_seconds: int
    """Seconds a cold build takes on two cores (measured), after those before it in `PROGRAMS`."""

    variables: tuple[str, ...] = ()
    """Go variables set at link time, ``path=value``."""


_KUBERNETES_VARIABLES = (
    f"k8s.io/component-base/version.gitVersion={_KUBERNETES_VERSION}",
    "k8s.io/component-base/version.gitMajor=1",
    "k8s.io/component-base/version.gitMinor=36",
)


def _kubernetes(name: str, usual_seconds: int) -> GoProgram:
    return GoProgram(
        name=name,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        usual_seconds=usual_seconds,
        variables=_KUBERNETES_VARIABLES,
    )


KUBE_SCORE = GoProgram(
    name="kube-score", module="kube-score", package="github.com/zegl/kube-score/cmd/kube-score", usual_seconds=25
)
PULUMI = GoProgram(
    name="pulumi",
    module="pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    usual_seconds=330,
    variables=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={_PULUMI_VERSION}",),
)
KWOK = GoProgram(name="kwok", module="kwok", package="sigs.k8s.io/kwok/cmd/kwok", usual_seconds=15)
KWOKCTL = GoProgram(name="kwokctl", module="kwok", package="sigs.k8s.io/kwok/cmd/kwokctl", usual_seconds=70)
CONTROL_PLANE = (
    GoProgram(name="etcd", module="etcd", package="go.etcd.io/etcd/server/v3", usual_seconds=70),
    _kubernetes("kube-apiserver", 240),
    _kubernetes("kube-controller-manager", 60),
    _kubernetes("kube-scheduler", 5),
    KWOKCTL,
)
KUBECTL = _kubernetes("kubectl", 30)
NODE = (
    _kubernetes("kubelet", 60),
    _kubernetes("kube-proxy", 15),
    GoProgram(name="coredns", module="coredns", package="github.com/coredns/coredns", usual_seconds=180),
)
ACTIONLINT = GoProgram(
    name="actionlint", module="actionlint", package="github.com/rhysd/actionlint/cmd/actionlint", usual_seconds=25
)
PROMTOOL = GoProgram(
    name="promtool",
    module="prometheus",
    package="github.com/prometheus/prometheus/cmd/promtool",
    usual_seconds=340,
)


def build(program: GoProgram) -> Path:
    """The executable of a program: the one built before, else a new one.

    An interrupted build leaves nothing but Go's own cache, with which the next one goes on.

    Raises:
        LocalError: there is no Go, or the build failed; says which command.
    """
    directory = programs_directory() / f"{program.name}-{_fingerprint(program)}"
    executable = directory / program.name
    if executable.exists():
        return executable
    with exclusive(program.name, f"builds {program.name}"):
        if executable.exists():
            return executable
        _compile(_go(), program, executable)
        _remove_other_builds(program, directory)
    return executable


def kubectl() -> Path:
    """The one on PATH, else a built one.

    Raises:
        LocalError: as `build`.
    """
    found = shutil.which(KUBECTL.name)
    return Path(found) if found else build(KUBECTL)


def missing(programs: tuple[GoProgram, ...]) -> list[GoProgram]:
    """Those that have yet to be built."""
    return [p for p in programs if not (programs_directory() / f"{p.name}-{_fingerprint(p)}" / p.name).exists()]


def _fingerprint(program: GoProgram) -> str:
    module = _MODULES / program.module
    inputs = [(module / "go.sum").read_bytes(), (module / "go.mod").read_bytes(), repr(program).encode()]
    return hashlib.sha256(b"\0".join(inputs)).hexdigest()[:12]


def _go() -> str:
    go = shutil.which("go")
    if not go:
        raise LocalError(f"Go is missing: the toolchain is built from Go modules.\n{_HOW_TO_GET_GO}")
    found = _version(go)
    if found < _OLDEST_GO:
        raise LocalError(f"{go} is Go {'.'.join(map(str, found)) or 'of unknown version'}, too old.\n{_HOW_TO_GET_GO}")
    return go


def _version(go: str) -> tuple[int, ...]:
    # `local`: the version of this very program, not of the one that it would fetch for a go.mod.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    text = subprocess.run([go, "version"], env=environment, capture_output=True, text=True, check=False).stdout
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else ()


def _compile(go: str, program: GoProgram, executable: Path) -> None:
    link = " ".join(["-s", "-w", *(f"-X {variable}" for variable in program.variables)])
    executable.parent.mkdir(parents=True, exist_ok=True)
    partial = executable.with_name("partial")
    # fmt: off
    command = [
        go, "build", "-C", str(_MODULES / program.module), "-mod=readonly", "-buildvcs=false", "-trimpath",
        "-v", "-ldflags", link, "-o", str(partial), program.package,
    ]
    # fmt: on
    # Without cgo there is no need for a C compiler, and the program runs on any distribution.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    with step(f"build {program.name} from Go modules", program.usual_seconds) as report:
        last_lines = _run(command, environment, report)
        if last_lines is not None:
            output = "\n".join(last_lines)
            raise LocalError(
                f"{program.name} could not be built. The command was:\n  {shlex.join(command)}\n{output}\n{_WHAT_NEXT}"
            )
    os.replace(partial, executable)


def _run(command: list[str], environment: dict[str, str], report: Callable[[str], None]) -> list[str] | None:
    """None when it worked, else its last lines. `-v` names each package: the count shows that it goes on."""
    last: deque[str] = deque(maxlen=30)
    modules = packages = 0
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                last.append(line.rstrip())
                if line.startswith("go: downloading"):
                    modules += 1
                    report(f"{modules} modules downloaded")
                else:
                    packages += 1
                    report(f"{packages} packages compiled")
        except BaseException:
            # At a terminal Ctrl-C has reached it as well; any other signal to stop has not.
            _end(process)
            raise
    return list(last) if process.returncode else None


def _end(process: subprocess.Popen[str]) -> None:
    """Let Go clear up behind itself; what does not hear it is killed."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _remove_other_builds(program: GoProgram, keep: Path) -> None:
    for directory in programs_directory().glob(f"{program.name}-*"):
        if directory != keep and len(directory.name) == len(keep.name):
            shutil.rmtree(directory, ignore_errors=True)
