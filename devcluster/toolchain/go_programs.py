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
from dataclasses import dataclass, field
from pathlib import Path

from host.directories import programs_directory
from host.locks import exclusive
from terminal.console import step
from terminal.errors import LocalError

_MODULES = Path(__file__).parent
_END_SECONDS = 10
_KUBERNETES_VERSION = "v1.36.3"
CLOUDNATIVE_PG_VERSION = "1.30.0"
_PULUMI_VERSION = "v3.259.0"
# The first release that downloads the newer Go that a go.mod requires: https://go.dev/doc/toolchain
_OLDEST_GO = (1, 21)
# All builds together use 7.3 GB in GOCACHE and 5.6 GB in GOMODCACHE (measured).
_WHAT_NEXT = (
    "A build needs a Go module proxy and up to 13 GB for Go's caches; GOPROXY, GOCACHE and GOMODCACHE name others.\n"
    "Then run the same command again: it continues."
)
_HOW_TO_GET_GO = "Install Go 1.21 or newer (https://go.dev/dl/), then run this command again."


@dataclass(frozen=True, kw_only=True)
class GoProgram:
    """A program and how it is built."""

    name: str
    """Name of the executable."""

    module: str
    """Directory beside this file with go.mod and go.sum."""

    package: str
    """Its main package."""

    usual_seconds: int = field(repr=False)
    """Seconds that a cold build takes on two cores (measured), after the programs before it in `PROGRAMS`."""

    tags: tuple[str, ...] = field(default=(), repr=False)
    """Build tags, which leave out parts that the project does not use."""

    variables: tuple[str, ...] = ()
    """Go variables set at link time, ``path=value``."""

    c_flags: str = field(default="", repr=False)
    """Flags of the C and C++ compilers, for a program that needs them; empty: it is built without cgo."""


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
# Without gRPC to Google Cloud Storage, which the CLI does not use: its state backend there uses HTTP.
PULUMI = GoProgram(
    name="pulumi",
    module="pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    usual_seconds=330,
    tags=("disable_grpc_modules",),
    variables=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={_PULUMI_VERSION}",),
)
# `pulumi package gen-sdk` needs language hosts, which have no Go modules.
SDKGEN = GoProgram(name="sdkgen", module="sdkgen", package=".", usual_seconds=50)
# The newest release that the Go module proxy has. It needs an older Pulumi than the CLI.
YAML_HOST = GoProgram(
    name="pulumi-language-yaml",
    module="pulumi-language-yaml",
    package="github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    usual_seconds=40,
)
# In the module of Kubernetes, as etcd, CoreDNS and Prometheus: packages that several of them use are compiled once.
KWOK = GoProgram(name="kwok", module="kubernetes", package="sigs.k8s.io/kwok/cmd/kwok", usual_seconds=5)
KWOKCTL = GoProgram(name="kwokctl", module="kubernetes", package="sigs.k8s.io/kwok/cmd/kwokctl", usual_seconds=15)
CONTROL_PLANE = (
    GoProgram(name="etcd", module="kubernetes", package="go.etcd.io/etcd/server/v3", usual_seconds=70),
    _kubernetes("kube-apiserver", 240),
    _kubernetes("kube-controller-manager", 60),
    _kubernetes("kube-scheduler", 5),
    KWOKCTL,
)
KUBECTL = _kubernetes("kubectl", 30)
# With the plugins of the node's Corefile alone.
COREDNS = GoProgram(name="coredns", module="kubernetes", package="./coredns", usual_seconds=10)
NODE = (
    _kubernetes("kubelet", 20),
    _kubernetes("kube-proxy", 10),
    COREDNS,
)
ACTIONLINT = GoProgram(
    name="actionlint", module="actionlint", package="github.com/rhysd/actionlint/cmd/actionlint", usual_seconds=25
)
# Without service discovery, except that by file and HTTP.
_PROMETHEUS_TAGS = ("remove_all_sd",)
PROMTOOL = GoProgram(
    name="promtool",
    module="kubernetes",
    package="github.com/prometheus/prometheus/cmd/promtool",
    usual_seconds=340,
    tags=_PROMETHEUS_TAGS,
)
# Without its web interface, which a module does not contain.
PROMETHEUS = GoProgram(
    name="prometheus",
    module="kubernetes",
    package="github.com/prometheus/prometheus/cmd/prometheus",
    usual_seconds=60,
    # On a node it finds its targets as the Prometheus operator lets it.
    tags=(*_PROMETHEUS_TAGS, "enable_kubernetes_sd"),
)
# The version of the image that pods run (components/postgresql/settings.py).
POSTGRES_EXPORTER = GoProgram(
    name="postgres_exporter",
    module="postgres-exporter",
    package="github.com/prometheus-community/postgres_exporter/cmd/postgres_exporter",
    usual_seconds=25,
    variables=("github.com/prometheus/common/version.Version=0.19.1",),
)
# The version of the image that pods run (components/postgresql/pooler/settings.py).
PGBOUNCER_EXPORTER = GoProgram(
    name="pgbouncer_exporter",
    module="pgbouncer-exporter",
    package="github.com/prometheus-community/pgbouncer_exporter",
    usual_seconds=20,
    variables=("github.com/prometheus/common/version.Version=0.12.1",),
)
CLOUDNATIVE_PG = GoProgram(
    name="cloudnative-pg",
    module="cloudnative-pg",
    package="github.com/cloudnative-pg/cloudnative-pg/cmd/manager",
    usual_seconds=100,
)
# The newest release whose module is complete: those after it need files in directories called `vendor`, which Go leaves
# out of modules. With little optimization, as tests use a model of a few kilobytes.
OLLAMA = GoProgram(
    name="ollama", module="ollama", package="github.com/ollama/ollama", usual_seconds=485, c_flags="-O1 -w"
)


def build(program: GoProgram) -> Path:
    """The executable of a program; builds it if necessary.

    An interrupted build leaves only Go's own cache, which the next build uses.

    Raises:
        LocalError: Go is missing, or the build failed; the message contains the command.
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
    """kubectl from PATH, else a built one.

    Raises:
        LocalError: as `build`.
    """
    executable = shutil.which(KUBECTL.name)
    return Path(executable) if executable else build(KUBECTL)


def missing(programs: tuple[GoProgram, ...]) -> list[GoProgram]:
    """The programs that are not built yet."""
    return [p for p in programs if not (programs_directory() / f"{p.name}-{_fingerprint(p)}" / p.name).exists()]


def _fingerprint(program: GoProgram) -> str:
    module = _MODULES / program.module
    text = f"{program!r}{program.c_flags}{','.join(program.tags)}"
    # The source, if it is in the module itself.
    sources = sorted((module / program.package).glob("*.go")) if program.package.startswith(".") else []
    inputs = [(module / "go.sum").read_bytes(), (module / "go.mod").read_bytes(), text.encode()]
    inputs += [source.read_bytes() for source in sources]
    return hashlib.sha256(b"\0".join(inputs)).hexdigest()[:12]


def _go() -> str:
    go = shutil.which("go")
    if not go:
        raise LocalError(f"Go is missing: the toolchain is built from Go modules.\n{_HOW_TO_GET_GO}")
    installed = _version(go)
    if installed < _OLDEST_GO:
        raise LocalError(
            f"{go} is Go {'.'.join(map(str, installed)) or 'of unknown version'}, too old.\n{_HOW_TO_GET_GO}"
        )
    return go


def _version(go: str) -> tuple[int, ...]:
    # `local`: the version of this program, not of the one that it would download for a go.mod.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    text = subprocess.run([go, "version"], env=environment, capture_output=True, text=True, check=False).stdout
    match = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else ()


def _compile(go: str, program: GoProgram, executable: Path) -> None:
    link = " ".join(["-s", "-w", *(f"-X {variable}" for variable in program.variables)])
    executable.parent.mkdir(parents=True, exist_ok=True)
    partial = executable.with_name("partial")
    # fmt: off
    command = [
        go, "build", "-C", str(_MODULES / program.module), "-mod=readonly", "-buildvcs=false", "-trimpath",
        "-v", "-tags", ",".join(program.tags), "-ldflags", link, "-o", str(partial), program.package,
    ]
    # fmt: on
    # Without cgo there is no need for a C compiler, and the program runs on any distribution.
    flags = {"CGO_CFLAGS": program.c_flags, "CGO_CXXFLAGS": program.c_flags} if program.c_flags else {}
    environment = {**os.environ, "CGO_ENABLED": "1" if flags else "0", **flags, "GOFLAGS": "", "GOWORK": "off"}
    with step(f"build {program.name} from Go modules", program.usual_seconds) as report:
        last_lines = _run(command, environment, report)
        if last_lines is not None:
            output = "\n".join(last_lines)
            raise LocalError(
                f"{program.name} could not be built. The command was:\n  {shlex.join(command)}\n{output}\n{_WHAT_NEXT}"
            )
    os.replace(partial, executable)


def _run(command: list[str], environment: dict[str, str], report: Callable[[str], None]) -> list[str] | None:
    """Run the build. Returns None if it succeeded, else its last lines. `-v` prints each package as progress."""
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
            # Ctrl-C at a terminal reaches the process as well; other signals do not.
            _end(process)
            raise
    return list(last) if process.returncode else None


def _end(process: subprocess.Popen[str]) -> None:
    """Let Go clean up; kill it if it does not end."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _remove_other_builds(program: GoProgram, keep: Path) -> None:
    for directory in programs_directory().glob(f"{program.name}-*"):
        if directory != keep and len(directory.name) == len(keep.name):
            shutil.rmtree(directory, ignore_errors=True)
