"""Real PgBouncers in front of a PostgreSQL: Debian 12's, and that of Debian 13, which knows prepared statements."""

import fcntl
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

from host.directories import programs_directory
from tests.support.servers.addresses import free_port
from tests.support.servers.external_postgresql import DATABASE, PASSWORD, ROLE, ExternalPostgreSQL
from tests.support.servers.server_process import check_alive, give_away, missing, not_there, running, wait_until

Command = tuple[str, ...]

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_PACKAGES = (
    *("pgbouncer", "libc6", "libcares2", "libevent-2.1-7t64", "libpam0g", "libssl3t64", "libsystemd0", "libaudit1"),
    *("libcap-ng0", "libcap2", "libzstd1", "zlib1g"),
)


def old_pgbouncer(_directory: Path) -> Command:
    """The command of the system's PgBouncer: 1.18 in Debian 12, before it knew prepared statements."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if program is None:
        missing("pgbouncer", "pgbouncer")
    return (str(program),)


def new_pgbouncer(directory: Path) -> Command:
    """The command of Debian 13's PgBouncer, 1.24, with its libraries beside it: they are newer than this system's.

    Args:
        directory: of the servers' user, who may not enter the cache of this machine.
    """
    root = directory / "pgbouncer-1.24"
    if not root.exists():
        shutil.copytree(_unpacked(), root, symlinks=True)
    loader = root / _LIBRARIES / "ld-linux-x86-64.so.2"
    return (str(loader), "--library-path", str(root / _LIBRARIES), str(root / "usr/sbin/pgbouncer"))


def _unpacked() -> Path:
    if not _KEYRING.exists() or shutil.which("apt-get") is None:
        not_there("PgBouncer 1.24 is a package of Debian 13, and this is not a Debian")
    directory = programs_directory() / "pgbouncer-trixie"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "root").exists():
            _download(directory)
    return directory / "root"


def _download(directory: Path) -> None:
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    mirrors = (
        [line.split()[1] for line in sources.read_text().splitlines() if line.startswith("URIs:")]
        if sources.exists()
        else []
    )
    if not mirrors:
        not_there("PgBouncer 1.24 is a package of Debian 13, and no mirror of Debian is configured")
    (directory / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirrors[0]} trixie main\n")
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::Etc::sourcelist": directory / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": directory / "lists",
        "Dir::Cache": directory / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    unpacked = directory / "unpacked"
    subprocess.run([*apt, "update"], check=True, timeout=300)
    subprocess.run([*apt, "download", *_PACKAGES], cwd=directory / "packages", check=True, timeout=300)
    for package in sorted((directory / "packages").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
    unpacked.rename(directory / "root")


@dataclass(frozen=True)
class PgBouncer:
    """A running pooler."""

    directory: Path
    port: int

    def url(self, **parameters: str) -> str:
        """URL of the database behind it."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"postgresql://{ROLE}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{DATABASE}{query}"


@contextmanager
def pgbouncer(command: Command, directory: Path, server: ExternalPostgreSQL, **options: object) -> Iterator[PgBouncer]:
    """A PgBouncer in front of the server while the block runs.

    Args:
        command: `old_pgbouncer` or `new_pgbouncer`.
        directory: empty, of the servers' user.
        server: the server behind it.
        options: settings of pgbouncer.ini.
    """
    port = free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": directory / "users.txt",
        "ignore_startup_parameters": "extra_float_digits",
        **options,
    }
    (directory / "users.txt").write_text(f'"{ROLE}" "{PASSWORD}"\n')
    (directory / "pgbouncer.ini").write_text(
        f"[databases]\n{DATABASE} = host=127.0.0.1 port={server.port}\n[pgbouncer]\n"
        + "".join(f"{name} = {value}\n" for name, value in settings.items())
    )
    log = directory / "pgbouncer.log"
    log.touch()
    for each in directory.iterdir():
        give_away(each)
    with running(
        [*command, str(directory / "pgbouncer.ini")], directory=directory, log=log, stop_signal=signal.SIGTERM
    ) as process:
        made = PgBouncer(directory, port)

        def answers() -> bool:
            check_alive(process, log)
            try:
                psycopg.connect(made.url(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                return "refused" not in str(error)
            return True

        wait_until(answers, "PgBouncer")
        yield made
