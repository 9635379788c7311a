"""What a cluster's node concludes at its start from what others say, when they say it too early or too late.

Real servers do so for some milliseconds only: the answers here are written down.
"""

import subprocess
from pathlib import Path

import pytest

from tests.support.servers.redis_nodes import surroundings
from tests.support.servers.rendered import Find
from tests.support.servers.server_process import give_away, unprivileged

OWN, REPLICA, OTHER = "a" * 40, "b" * 40, "c" * 40
NAMES = {OWN: "redis-0.redis-nodes", REPLICA: "redis-1.redis-nodes", OTHER: "redis-2.redis-nodes"}
SECONDS = 3
FAILED_OVER, TAKEN_BY_FORCE = "its hash slots have a new owner", "has data: promoting"


def line(identifier: str, flags: str, master: str = "-", epoch: int = 1, slots: str = "") -> str:
    """A line of CLUSTER NODES."""
    return (
        f"{identifier} 127.0.0.1:6379@16379,{NAMES[identifier]} {flags} {master} 0 0 {epoch} connected {slots}".strip()
    )


FILE = [
    line(OWN, "myself,master", epoch=3, slots="5461-10921 16383"),
    line(REPLICA, "slave", master=OWN, epoch=3),
    line(OTHER, "master", epoch=2, slots="0-5460"),
]
VIEWS = {
    "has not heard of its slots": (
        [line(OWN, "master", epoch=0), line(OTHER, "myself,master", epoch=2)],
        TAKEN_BY_FORCE,
    ),
    "has not heard of it at all": ([line(OTHER, "myself,master", epoch=2, slots="0-5460")], TAKEN_BY_FORCE),
    "knows the replica as its successor": (
        [
            line(OWN, "slave", master=REPLICA, epoch=4),
            line(REPLICA, "master", epoch=4, slots="5461-10921 16383"),
            line(OTHER, "myself,master", epoch=2, slots="0-5460"),
        ],
        FAILED_OVER,
    ),
    "has got a part of it": (
        [line(OWN, "master", epoch=3), line(OTHER, "myself,master", epoch=4, slots="0-10921")],
        TAKEN_BY_FORCE,
    ),
    "knows the last primary, of before": (
        [line(OWN, "slave", master=OTHER, epoch=2), line(OTHER, "myself,master", epoch=2, slots="0-10921 16383")],
        TAKEN_BY_FORCE,
    ),
}
CLIENT = """\
#!/bin/sh
# Of a replica with data, and of a node whose view is written down.
case "$*" in
  *"info keyspace"*) printf '# Keyspace\\ndb0:keys=1,expires=0\\n' ;;
  *"redis-2.redis-nodes"*"cluster nodes"*) cat "$VIEW" ;;
  *"cluster nodes"*) cat "$NODES_FILE" ;;
esac
"""


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_primary_believes_only_members_with_a_newer_epoch(directory: Path, manifest: Find, view: str) -> None:
    lines, expected = VIEWS[view]
    for place in ("conf", "users", "data", "run", "bin"):
        (directory / place).mkdir()
        give_away(directory / place)
    sets = ("redis.topology=cluster",)
    for name, text in manifest("prod", "ConfigMap", "redis-conf", sets)["data"].items():
        (directory / "conf" / name).write_text(text)
    for name, text in (("written-cli", CLIENT), ("written-server", "#!/bin/sh\n")):
        (directory / "bin" / name).write_text(text)
        (directory / "bin" / name).chmod(0o755)
    (directory / "users" / "cluster-password").write_text("x")
    (directory / "hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in NAMES.values()))
    (directory / "view").write_text("\n".join(lines) + "\n")
    (directory / "nodes.conf").write_text("\n".join([*FILE, "vars currentEpoch 4 lastVoteEpoch 0\n"]))
    give_away(directory / "nodes.conf")
    around = surroundings(directory, directory / "hosts")
    environment = {
        **around,
        "PATH": f"{directory}/bin:{around['PATH']}",
        "ENGINE": "written",
        "ACCOUNT": "cluster",
        "DOMAIN": "redis-nodes",
        "POD_NAME": "redis-0",
        "POD_IP": "127.0.0.1",
        "NODES_FILE": str(directory / "nodes.conf"),
        "VIEW": str(directory / "view"),
    }
    # One that waits for another node does so until somebody ends it.
    command = ["timeout", str(SECONDS), "sh", f"{directory}/conf/start-cluster-node.sh"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **unprivileged())

    output = done.stdout
    assert expected in output, done.stdout + done.stderr
    assert (FAILED_OVER in output) == (expected == FAILED_OVER)
