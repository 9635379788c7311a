"""The archive of the write-ahead log, as rendered: what a lost volume costs, and recovery to a given second."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.servers.archive import Archived, archived_database
from tests.support.servers.archive import bucket as bucket
from tests.support.servers.s3_server import S3Server
from tests.support.servers.server_process import give_away

TIMEOUT = 5
"""`archive.timeoutSeconds` of these tests, the least."""


@pytest.fixture
def archived(directory: Path, bucket: S3Server) -> Archived:
    made = archived_database(directory, bucket, (f"postgresql.archive.timeoutSeconds={TIMEOUT}",))
    made.database.prepared()
    return made


def rows(archived: Archived) -> int:
    [(count,)] = archived.execute("SELECT count(*) FROM entry")
    return int(count)


def test_a_recovery_ends_at_the_given_second_and_has_a_way_back(archived: Archived) -> None:
    with archived.serving():
        archived.execute("CREATE TABLE entry (id serial, at timestamptz DEFAULT clock_timestamp())")
        archived.backed_up()
        archived.execute("INSERT INTO entry SELECT FROM generate_series(1, 3)")
        time.sleep(1)
        target = archived.now()
        time.sleep(1)
        archived.execute("INSERT INTO entry SELECT FROM generate_series(1, 4)")
        archived.archived()

    # The drill: on another volume, and nothing of it stays or gets into the bucket.
    scratch = archived.directory / "scratch"
    scratch.mkdir()
    give_away(scratch)
    output = archived.recovered(target, "drill", PGDATA=str(scratch / "pgdata"), PROBE="SELECT 'probed'")
    assert "Table entry: 3 rows" in output
    assert "probed" in output
    assert not list(scratch.iterdir())

    output = archived.recovered(target)

    assert "Table entry: 3 rows" in output
    assert "Timeline: 2" in output, "the drill has left no timeline"
    with archived.serving():
        assert rows(archived) == 3
        archived.execute("INSERT INTO entry DEFAULT VALUES")
        archived.archived()

    # The former data come back, on a timeline that the archive does not know yet.
    [archive] = [each["archive"] for each in archived.catalogue()["archives"] if each["own"]]
    done = archived.recover("back", archive=archive)
    assert done.returncode == 0, done.stdout
    with archived.serving():
        assert rows(archived) == 7
        assert archived.execute("SELECT timeline_id FROM pg_control_checkpoint()") == [(3,)]
        archived.archived()
    # And what the first recovery made can still be had: the timeline is that of the server at the time.
    timelines = [each["timelines"] for each in archived.catalogue()["archives"] if each["own"]]
    assert list(timelines[0]) == ["2", "3"]


def test_a_lost_volume_costs_less_than_the_timeout(archived: Archived) -> None:
    """The server is killed under load and its volume destroyed; another server recovers from the bucket alone."""
    acknowledged: list[datetime] = []
    stop = threading.Event()

    def write() -> None:
        with archived.database.connect(autocommit=True) as connection:
            while not stop.is_set():
                try:
                    connection.execute("INSERT INTO entry DEFAULT VALUES")
                except Exception:
                    return
                acknowledged.append(datetime.now(UTC))
                time.sleep(0.02)

    with archived.archiving() as container:
        with archived.database.serving(stop_signal=9):
            archived.execute(
                "CREATE TABLE entry (id serial, at timestamptz DEFAULT clock_timestamp());"
                "GRANT ALL ON entry, entry_id_seq TO PUBLIC"
            )
            archived.backed_up()
            writer = threading.Thread(target=write)
            writer.start()
            time.sleep(3 * TIMEOUT + 1)
        stop.set()
        writer.join()
        container.kill()
    killed = acknowledged[-1]
    for part in archived.database.data.parent.iterdir():
        part.rename(archived.directory / "lost")

    newest = newest_archive(archived)
    # A bucket has whole seconds of its own clock: a recovery to one of its times would lose the commits after it.
    assert archived.catalogue("latest", newest)["plan"]["target"] == "latest"
    output = archived.recovered("latest", archive=newest)

    with archived.serving():
        [(count, last)] = archived.execute("SELECT count(*), max(at) FROM entry")
    lost = killed - last
    print(f"{len(acknowledged) - count} of {len(acknowledged)} rows lost, {lost.total_seconds():.1f} s\n{output}")
    assert 0 < count <= len(acknowledged)
    # The upload of the last segment is part of it.
    assert lost < timedelta(seconds=TIMEOUT + 5)


def newest_archive(archived: Archived) -> str:
    """Identifier of the archive that was written last: the tests share a bucket."""
    archives = [each for each in archived.catalogue()["archives"] if each["last"]]
    return str(max(archives, key=lambda each: each["last"])["archive"])
