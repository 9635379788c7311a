"""connection-url.awk reads a URL as libpq does, and escapes the password as libpq expects it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

SCRIPT = Path("components/backup/files/connection-url.awk")
URLS = [
    "postgresql://u:p@db.example.com/chats",
    "postgres://team_chat:Ext3rnal%2FPass%25word%401@db:6432/chats?sslmode=verify-full&connect_timeout=5",
    "postgresql://u%40x:a%3Ab%5Cc%20d%2Be+f@[::1]:5433/cha%20ts",
    "postgresql://u:%C3%BC%E5%AF%86@a.example.com:5433,b.example.com:5434/chats?target_session_attrs=read-write",
    "postgresql://u@h/d?options=-c%20search_path%3Dx%2Cpublic",
    "postgresql://u:p@/chats?host=10.0.0.1&port=6000",
    "postgresql://h/d?user=u&password=p%3Aw",
    "postgresql://u:@h/d",
]


def read(directory: Path, url: str) -> tuple[int, str, dict[str, str], str]:
    """Exit status, what it printed, the service and the password."""
    if shutil.which("awk") is None:
        pytest.fail("awk is missing; install the package mawk")
    (directory / "url").write_text(url)
    variables = [word for name in ("service", "passwords", "target") for word in ("-v", f"{name}={directory / name}")]
    done = subprocess.run(
        ["awk", *variables, "-f", str(SCRIPT), str(directory / "url")],
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    service = directory / "service"
    lines = service.read_text().splitlines() if service.exists() else []
    values = dict(line.split("=", 1) for line in lines if line != "[live]")
    passwords = directory / "passwords"
    password = passwords.read_text().removesuffix("\n").removeprefix("*:*:*:*:") if passwords.exists() else ""
    return done.returncode, done.stdout + done.stderr, values, re.sub(r"\\(.)", r"\1", password)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["", "lf", "crlf"])
def test_it_reads_what_libpq_reads(tmp_path: Path, url: str, end: str) -> None:
    status, output, values, password = read(tmp_path, url + end)
    assert (status, output) == (0, "")
    expected = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    assert password == expected.pop("password", "")
    assert values == {"port": "5432", **expected}
    target = (tmp_path / "target").read_text().splitlines()
    assert target == [values[name] for name in ("host", "port", "user", "dbname")]


@pytest.mark.parametrize("driver", ["postgresql+psycopg2", "postgresql+psycopg"])
def test_a_driver_of_sqlalchemy_is_ignored(tmp_path: Path, driver: str) -> None:
    assert read(tmp_path, f"{driver}://u:p@h/d")[2]["user"] == "u"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", "is empty"),
        ("mysql://u:Hidden@h/d", "does not begin with postgresql://"),
        ("postgresql://u:Hidden@/d", "has no host"),
        ("postgresql://h/d", "has no user"),
        ("postgresql://u:Hidden@h", "has no database"),
        ("postgresql://u:Hidden%zz@h/d", "has a % without the two digits of a character"),
        ("postgresql://u:Hidden%4@h/d", "has a % without the two digits of a character"),
        ("postgresql://u:Hidden%00@h/d", "has a % without the two digits of a character"),
        ("postgresql://u:Hidden%0A@h/d", "has a line break in a value"),
        ("postgresql://u:Hidden@h/d%20", "has a value that ends with a space"),
        ("postgresql://u:Hidden@h/d?sslmode", "has a parameter without a value"),
    ],
)
def test_what_it_refuses_is_said_without_a_part_of_the_url(tmp_path: Path, url: str, error: str) -> None:
    status, output, _, _ = read(tmp_path, url)
    assert (status, output) == (1, f"backup: The URL of the database {error}.\n")
