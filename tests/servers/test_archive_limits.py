"""The archive at its limits: a bucket that takes nothing, what no recovery needs any more, another major version."""

import re
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.postgresql.monitoring.exporter import QUERIES, exporter_files
from tests.support.servers.addresses import free_port
from tests.support.servers.archive import Archived, archived_database
from tests.support.servers.archive import bucket as bucket
from tests.support.servers.s3_server import S3Server
from tests.support.servers.server_process import wait_until
from tests.support.servers.upgraded_volume import NEW, OLD, Volume
from tests.support.servers.upgraded_volume import SETS as UPGRADE

SEGMENT = 16 * 2**20
LIMIT = 4
"""Segments that may wait in these tests; as `archive.pendingLimit` it is more."""
DELETE_SECONDS = 8
"""For the deletion that follows a base backup, which says nothing when it succeeds."""


@pytest.fixture
def archived(directory: Path, bucket: S3Server) -> Archived:
    """A database with an archive, in a prefix of its own."""
    prefix = f"postgresql.archive.s3.prefix={directory.name}"
    made = archived_database(directory, bucket, (prefix,))
    made.database.prepared()
    return made


def waiting(archived: Archived) -> int:
    """Segments that wait on the volume."""
    return len(list((archived.database.data / "pg_wal" / "archive_status").glob("*.ready")))


def write_segments(archived: Archived, number: int) -> None:
    for _ in range(number):
        archived.execute("CREATE TABLE IF NOT EXISTS entry (id int); INSERT INTO entry VALUES (1)")
        archived.execute("SELECT pg_switch_wal()")


def own(archived: Archived) -> dict[str, Any]:
    """What the catalogue says of the archive of this server."""
    [described] = [each for each in archived.catalogue()["archives"] if each["own"]]
    return dict(described)


def exported(archived: Archived) -> tuple[int, int] | None:
    """What the exporter shows of base backups: when the newest one began, and since when they fail."""
    query = yaml.safe_load(exporter_files()[QUERIES])["open_webui_stack_base_backup"]["query"]
    socket = str(archived.directory / "run")
    with archived.database.connect(host=socket, user="postgres", dbname="ragsystemdb", autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION exporter")
        # The parameters of the role are those of the catalogue: the session reads what was recorded since.
        row = connection.execute(query).fetchone()
    return (int(row[0]), int(row[1])) if row else None


def test_the_exporter_shows_the_age_of_base_backups_and_that_they_fail(archived: Archived) -> None:
    began = int(time.time())
    with archived.serving():
        archived.execute("SELECT 1")
        archived.backed_up()
        # What the bucket lists, at the next look.
        wait_until(lambda: (exported(archived) or (0, 0))[0] > 0, "the base backup is recorded", 90)
        shown = exported(archived)
        assert shown
        ended = datetime.fromisoformat(own(archived)["backups"][-1]["ended"]).timestamp()
        assert began <= shown[0] <= ended
        assert shown[1] == 0
    refused = {"BUCKET_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    with archived.archiving(**refused), archived.database.serving():
        wait_until(lambda: (exported(archived) or (0, 0))[1] >= ended, "the failure is recorded", 150)
        assert (exported(archived) or (0, 0))[0] == shown[0], "what is known of the bucket stays"
    with archived.serving():
        wait_until(lambda: exported(archived) == shown, "the bucket answers again", 150)


def test_a_bucket_that_is_away_stops_neither_the_server_nor_fills_its_volume(archived: Archived) -> None:
    with archived.serving():
        archived.execute("SELECT 1")
        archived.backed_up()
        archived.archived()
    away = {"BUCKET_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "PENDING_LIMIT": str(LIMIT * SEGMENT)}
    with archived.archiving(**away), archived.database.serving():
        write_segments(archived, 2)
        failed = "SELECT failed_count > 0 AND last_failed_time > last_archived_time FROM pg_stat_archiver"
        wait_until(lambda: archived.execute(failed) == [(True,)], "the server counts the failures", 60)
        assert waiting(archived) >= 2, "below the limit nothing is given up"
        write_segments(archived, 3 * LIMIT)
        wait_until(lambda: waiting(archived) <= LIMIT, "segments are given up at the limit", 120)
        assert waiting(archived) > 0, "no more than needed is given up"
        # The server serves all the time.
        assert archived.execute("SELECT count(*) > 0 FROM entry") == [(True,)]
        assert "GIVING UP" in archived.log.read_text()
        lost_at = archived.now()

    # Another container: it does not know what the one before it gave up, and closes the gap all the same.
    before = str(own(archived)["backups"])
    with archived.serving():
        archived.logged("the archive has a gap: the segment", 120)
        wait_until(lambda: str(own(archived)["backups"]) != before, "another base backup is in the bucket", 120)
        archived.archived()
        now = archived.now()
        refused = archived.catalogue(lost_at)["plan"]["refused"]
        assert "the archive has a gap: the segment" in refused
        assert "backup" in archived.catalogue("latest")["plan"], "after the base backup every time can be reached again"
        assert now > lost_at


def age(archived: Archived, days: int) -> None:
    """Make every base backup in the bucket that much older, as it says itself."""

    def earlier(match: "re.Match[str]") -> str:
        return f"{match[1]}={datetime.fromisoformat(match[2]) - timedelta(days=days)}"

    for key in archived.bucket.keys(archived.directory.name):
        if key.endswith("/backup.info"):
            text = archived.bucket.read(key).decode()
            changed, times = re.subn(r"(?m)^(begin_time|end_time)=(.+)$", earlier, text)
            assert times == 2, text
            archived.bucket.write(key, changed.encode())


def another_base_backup(archived: Archived) -> list[str]:
    """Run the containers until there is one more, and the deletion after it has ended; identifiers of all."""
    done = archived.log.read_text().count("the base backup is in the bucket") if archived.log.exists() else 0
    with archived.serving():
        write_segments(archived, 2)
        wait_until(
            lambda: archived.log.read_text().count("the base backup is in the bucket") > done,
            "another base backup",
            120,
        )
        archived.archived()
        time.sleep(DELETE_SECONDS)
    return [str(each["id"]) for each in own(archived)["backups"]]


def test_the_log_of_the_retention_stays_and_older_log_goes(archived: Archived) -> None:
    """A base backup is deleted only when a newer one is older than the retention: it is what a recovery starts from."""
    [first] = another_base_backup(archived)
    age(archived, 3)
    first_segments = segments(archived)
    assert another_base_backup(archived)[:1] == [first], "older than the interval, and inside the retention"
    age(archived, 8)

    first_gone = another_base_backup(archived)

    assert first not in first_gone
    assert len(first_gone) == 2, "the one that a recovery to the begin of the retention starts from, and the new one"
    assert not first_segments & segments(archived), "log from before every base backup that is left"
    assert "backup" in archived.catalogue("latest")["plan"]


def segments(archived: Archived) -> set[str]:
    """Names of the segments in the bucket."""
    keys = archived.bucket.keys(archived.directory.name)
    return {match[1] for key in keys if (match := re.search(r"/wals/.*/([0-9A-F]{24})\.gz$", key))}


def test_an_upgrade_begins_an_archive_of_its_own(directory: Path, bucket: S3Server) -> None:
    """The new server has another system identifier: the log of the two releases is never mixed."""
    sets = (*UPGRADE, f"postgresql.archive.s3.prefix={directory.name}")
    archived = archived_database(directory, bucket, sets)
    volume = Volume(archived.database)
    volume.use(OLD).prepared()
    with archived.serving():
        write_segments(archived, 1)
        archived.backed_up()
        archived.archived()
        reached = archived.now()
        # The times of objects in a bucket are whole seconds: until the next one, the end of the archive is before it.
        time.sleep(1)
        write_segments(archived, 1)
        archived.archived()
        before = own(archived)

    # The containers `dump` and `prepare` of the upgrading pod.
    volume.start_pod()
    volume.use(NEW)
    another = another_base_backup(archived)

    after = own(archived)
    assert after["archive"] != before["archive"]
    assert another
    archives = {each["archive"]: each for each in archived.catalogue()["archives"]}
    assert archives.keys() == {before["archive"], after["archive"]}
    assert archives[before["archive"]]["backups"] == before["backups"], "nothing of the old release was changed"
    refused = archived.catalogue(reached, str(before["archive"]))["plan"]["refused"]
    assert f"the archive {before['archive']} was written by PostgreSQL 16, and this server is PostgreSQL 18" in refused
    refused = archived.catalogue(reached)["plan"]["refused"]
    assert "is before the first base backup" in refused, "the new archive does not reach back over the upgrade"

    # With the image of 16 its archive is as good as before.
    volume.use(OLD, UPGRADE_UNDO=str(NEW)).prepared()
    assert archived.catalogue(reached)["plan"]["archive"] == before["archive"]
