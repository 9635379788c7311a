"""Ports and loopback networks for the servers of the tests.

A port that is free when it is chosen may be taken before the server listens: by a server of another worker, or by an
outgoing connection when it is in the system's ephemeral range. So ports are below that range, and each address is
reserved for this process among all test processes of the machine. A reservation is a lock on a byte of one file, which
the system releases when the process ends.
"""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_FIRST_PORT = 10_000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_IANA_EPHEMERAL = 49_152
"""First port of the range where the system does not name its own (RFC 6335)."""

_PORTS = 2**16
"""Locks of networks follow those of the ports in the file."""

_NETWORKS = [f"127.{second}.{third}" for second in range(64, 128) for third in range(1, 255)]


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens, reserved for this process."""
    for port in _shuffled_ports():
        if _reserve(port) and _can_bind("127.0.0.1", port):
            return port
    pytest.fail(f"Every port from {_FIRST_PORT} to {_last_port()} is in use")


def free_network() -> str:
    """The first three numbers of a loopback network without servers of Redis, reserved for this process."""
    for number, network in _shuffled_networks():
        if _reserve(_PORTS + number) and all(_can_bind(f"{network}.1", port) for port in (6379, 26379)):
            return network
    pytest.fail("Every loopback network of the tests is in use")


@cache
def _shuffled_ports() -> Iterator[int]:
    # One iterator for the whole process: no port is chosen twice.
    ports = list(range(_FIRST_PORT, _last_port() + 1))
    random.Random().shuffle(ports)
    return iter(ports)


@cache
def _shuffled_networks() -> Iterator[tuple[int, str]]:
    networks = list(enumerate(_NETWORKS))
    random.Random().shuffle(networks)
    return iter(networks)


def _last_port() -> int:
    if not _EPHEMERAL_RANGE.exists():
        return _IANA_EPHEMERAL - 1
    first_ephemeral = int(_EPHEMERAL_RANGE.read_text().split()[0])
    # A system whose range begins lower leaves no choice but ports of that range.
    return first_ephemeral - 1 if first_ephemeral > _FIRST_PORT + 1000 else _IANA_EPHEMERAL - 1


def _reserve(byte: int) -> bool:
    """Whether this process now holds the lock on a byte of the file."""
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError:
        return False
    return True


@cache
def _lock_file() -> int:
    # Open until the process ends: closing any descriptor of the file would release every lock of the process.
    return os.open(Path(tempfile.gettempdir()) / f"stack-addresses-{os.getuid()}.lock", os.O_RDWR | os.O_CREAT, 0o600)


def _can_bind(host: str, port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True
