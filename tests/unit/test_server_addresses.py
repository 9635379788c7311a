"""Two processes of the servers tier never choose the same port or network."""

import socket
import subprocess
import sys

from stack_config.files import ROOT
from tests.support.servers import addresses

CHOICES = 300
OTHER_PROCESS = """
import sys
from unittest import mock
from tests.support.servers import addresses
ports, networks = [eval(line) for line in sys.stdin]
with (
    mock.patch.object(addresses, "_shuffled_ports", lambda: iter([*ports, 9999])),
    mock.patch.object(addresses, "_shuffled_networks", lambda: iter([*networks, (20000, "127.1.1")])),
):
    print(addresses.free_port(), addresses.free_network())
"""


def test_a_port_is_chosen_once_and_is_no_ephemeral_one() -> None:
    ports = [addresses.free_port() for _ in range(CHOICES)]
    assert len(set(ports)) == CHOICES
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert max(ports) < listener.getsockname()[1]


def test_another_process_chooses_none_of_these() -> None:
    ports = [addresses.free_port() for _ in range(20)]
    network = addresses.free_network()
    networks = [(addresses._NETWORKS.index(network), network)]
    # The other process tries exactly those first.
    asked = f"{ports}\n{networks}\n"
    command = [sys.executable, "-c", OTHER_PROCESS]
    done = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["9999", "127.1.1"]


def test_a_port_with_a_server_is_not_chosen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", addresses.free_port()))
        assert not addresses._can_bind(*listener.getsockname())
