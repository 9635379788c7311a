"""Backups in a bucket: a set can be restored on an empty server, and a copy that is not complete is not a set."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack_config.files import ROOT
from tests.support.servers.addresses import free_port
from tests.support.servers.backups import ROWS, TABLES, program_before
from tests.support.servers.bucket_backups import SETS, Pod, age_keys, pod_of
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.postgresql_database import PASSWORD, rendered_database
from tests.support.servers.s3_server import Key, S3Server, s3_server
from tests.support.servers.server_process import postgresql_programs, server_directory, wait_until

FILES = "CREATE TABLE file (id text PRIMARY KEY, path text)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server; each test has a prefix of its own."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@contextmanager
def stack(server: S3Server, prefix: str, *, tables: str = TABLES + FILES, **changes: str) -> Iterator[Pod]:
    """A database that serves, with the pod of backups beside it, and these variables of its containers."""
    with server_directory() as directory:
        database = rendered_database(directory, postgresql_programs(), SETS)
        database.copied()
        with database.serving():
            pod = pod_of(database, server, BUCKET_PREFIX=prefix, **changes)
            if tables:
                pod.backups.execute(tables)
            yield pod


def keys(server: S3Server, prefix: str) -> list[str]:
    """Keys under a prefix, without it and the origin."""
    return [key.split("/", 2)[2] for key in server.keys(f"{prefix}/")]


def restore(pod: Pod, name: str = "newest") -> str:
    """The steps of `stackctl restore --from-bucket`, in their order."""
    fetched = pod.done("bucket", "fetch", name)
    dump = sorted(pod.backups.dumps())[0]
    return fetched + pod.backups.done("restore", dump) + pod.done("bucket", "uploads", name)


def test_a_set_is_restored_on_an_empty_server(server: S3Server) -> None:
    with stack(server, "restored") as pod:
        pod.upload("1_report.pdf", b"first" * 1000)
        pod.upload("2_empty.txt", b"")
        output = pod.back_up()
        assert "2 uploaded files are in" in output
        assert "Every object was read back." in output
        before, (dump,) = pod.backups.contents(), pod.backups.dumps()
        record = pod.backups.execute("SELECT place, name, failed_at FROM open_webui_stack.backup ORDER BY place")
        assert record == [("bucket", dump.removesuffix(".dump"), None), ("volume", dump, None)]
        (listed,) = [line for line in pod.done("bucket", "list").splitlines() if line.startswith("backup: set ")]
        assert f"4 tables with {ROWS + 2} rows, 2 files, PostgreSQL " in listed

    with stack(server, "restored", tables="") as empty:
        output = restore(empty)
        assert f"Restored {dump}: 4 tables with {ROWS + 2} rows." in output
        assert "Restored 2 uploaded files; 0 were there with the same contents." in output
        assert empty.backups.contents() == before
        assert (empty.uploads / "1_report.pdf").read_bytes() == b"first" * 1000
        assert (empty.uploads / "2_empty.txt").read_bytes() == b""


def test_a_set_that_is_interrupted_is_none(server: S3Server) -> None:
    with stack(server, "interrupted") as pod:
        pod.backups.done("run")
        # The connection is stopped when the dump has been sent: before the manifest.
        program = pod.backups.database.directory / "program" / "bucket" / "push.py"
        text = program.read_text()
        stops = text.replace("    manifest = Manifest(", "    __import__('time').sleep(300)\n    manifest = Manifest(")
        assert stops != text
        program.write_text(stops)
        with pod.running("bucket") as process:
            wait_until(lambda: any("database.dump" in key for key in keys(server, "interrupted")), "the dump is sent")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        program.write_text(text)
        assert pod.sets_listed() == []
        assert "There is no set newest" in pod.refused("bucket", "fetch", "newest")
        assert "The bucket has no set" in pod.backups.run("record").stdout

        pod.done("bucket")

        (name,) = pod.sets_listed()
        assert [key for key in keys(server, "interrupted") if "/sets/" in f"/{key}"] == sorted(
            f"sets/{name.split('/')[1]}/{each}"
            for each in ("contents", "database.dump", "files.json", "manifest.json", "objects.txt")
        )


def test_an_object_that_arrives_damaged_makes_no_set(server: S3Server) -> None:
    with stack(server, "damaged") as pod:
        pod.backups.done("run")
        store = pod.backups.database.directory / "program" / "bucket" / "store.py"
        text = store.read_text()
        # One byte differs in the bucket.
        store.write_text(text.replace("self._client.upload_fileobj(sent,", "self._client.upload_fileobj(_Other(sent),"))
        store.write_text(
            store.read_text() + "\n\nclass _Other:\n    def __init__(self, source): self.source = source\n"
            "    def read(self, size=-1): return self.source.read(size).replace(b'PGDMP', b'PGDMQ')\n"
        )
        assert "is not what was sent: its checksum differs" in pod.refused("bucket")
        assert pod.sets_listed() == []


def test_sets_beyond_the_number_are_removed_with_their_files(server: S3Server) -> None:
    with stack(server, "kept", BUCKET_KEEP="2") as pod:
        names = []
        for number in range(3):
            pod.upload(f"{number}_file", bytes([number]) * 100)
            if number == 2:
                pod.backups.execute("DELETE FROM file WHERE id = '0_file'")
                (pod.uploads / "0_file").unlink()
            output = pod.back_up()
            names.append(pod.sets_listed()[0])
        assert pod.sets_listed() == [names[2], names[1]]
        assert f"Removing {names[0].split('/')[1]}: 2 are kept." in output
        # The second set still has the first file.
        assert len([key for key in keys(server, "kept") if key.startswith("files/")]) == 3
        pod.backups.done("run")
        assert "Removed 1 uploaded files that no set contains." in pod.done("bucket")
        assert len([key for key in keys(server, "kept") if key.startswith("files/")]) == 2


def test_the_sets_of_another_stack_are_never_removed(server: S3Server) -> None:
    with stack(server, "shared", BUCKET_KEEP="1") as one:
        one.back_up()
        (theirs,) = one.sets_listed()
        with stack(server, "shared", BUCKET_KEEP="1") as other:
            output = other.back_up()
            assert theirs in other.sets_listed()
            assert len(other.sets_listed()) == 2
            assert "1 sets in " in output
            other.backups.done("run")
            other.done("bucket")
            assert theirs in other.sets_listed()


def test_a_file_that_is_deleted_during_the_dump_is_in_the_set(server: S3Server) -> None:
    with stack(server, "deleted") as pod:
        pod.upload("1_deleted", b"was there at the snapshot")
        pod.upload("2_stays", b"stays")
        directory = pod.backups.database.directory
        target = f"-h 127.0.0.1 -p {pod.backups.database.port} -U ragsystemuser -d ragsystemdb"
        # When pg_dump begins, the snapshot is taken: a user deletes one file, and uploads another.
        program_before(
            pod.backups,
            "pg_dump",
            f"PGPASSWORD={PASSWORD} psql {target} -qc \"DELETE FROM file WHERE id = '1_deleted'\" &&\n"
            f"rm '{pod.uploads}/1_deleted' &&\n"
            f"printf later >'{pod.uploads}/3_later' &&\n"
            f'exec "{pod.backups.database.programs}/pg_dump" "$@"',
        )
        assert (directory / "before").exists()
        output = pod.back_up()
        assert "have a row in the dump and no file" not in output

    with stack(server, "deleted", tables="") as empty:
        restore(empty)
        rows = {row[0] for row in empty.backups.execute("SELECT id FROM file")}
        assert rows == {"1_deleted", "2_stays"}
        assert (empty.uploads / "1_deleted").read_bytes() == b"was there at the snapshot"
        # Its row came later: it is more than the database needs, and not less.
        assert {path.name for path in empty.uploads.iterdir()} == rows | {"3_later"}


def test_a_row_without_a_file_is_counted(server: S3Server) -> None:
    with stack(server, "lost") as pod:
        pod.upload("1_lost", b"lost")
        (pod.uploads / "1_lost").unlink()
        assert "1 uploaded files have a row in the dump and no file" in pod.back_up()


def test_a_restore_keeps_what_is_there(server: S3Server) -> None:
    with stack(server, "keeps") as pod:
        pod.upload("1_same", b"same")
        pod.upload("2_other", b"of the set")
        pod.back_up()
        (pod.uploads / "2_other").write_bytes(b"of today")
        (pod.uploads / "3_new").write_bytes(b"new")
        output = pod.done("bucket", "uploads", "newest")
        assert "Restored 1 uploaded files; 1 were there with the same contents." in output
        assert {path.name: path.read_bytes() for path in pod.uploads.iterdir()} == {
            "1_same": b"same",
            "2_other": b"of the set",
            "2_other.before-restore-1": b"of today",
            "3_new": b"new",
        }


def test_age_encrypts_what_only_the_identity_decrypts(server: S3Server, tmp_path: Path) -> None:
    recipient, identity = age_keys(tmp_path)
    (tmp_path / "other").mkdir()
    _, stranger = age_keys(tmp_path / "other")
    encrypted = {"AGE_RECIPIENTS": recipient}
    with stack(server, "age", **encrypted) as pod:
        pod.upload("1_secret.txt", b"only for the owner")
        pod.back_up()
        before, (dump,) = pod.backups.contents(), pod.backups.dumps()
        stored = pod.backups.volume / dump
        assert [
            key for key in keys(server, "age") if not key.endswith((".age", "/manifest.json", "/objects.txt"))
        ] == []
        (key,) = [key for key in server.keys("age/") if "database.dump" in key]
        decrypt = ["age", "-d", "-i", str(identity)]
        decrypted = subprocess.run(decrypt, input=server.read(key), check=True, capture_output=True)
        assert decrypted.stdout == stored.read_bytes(), "the real program decrypts it"
        everything = b"".join(server.read(key) for key in server.keys("age/"))
        for plain in (b"only for the owner", b"1_secret.txt", b"PGDMP"):
            assert plain not in everything
        # An unchanged file is not sent again, though no container can decrypt the list of the last set.
        pod.backups.done("run")
        assert "0 were new" in pod.done("uploads")

    with stack(server, "age", tables="", **encrypted) as empty:
        assert "its identity is needed" in empty.refused("bucket", "fetch", "newest")
        empty.changes["AGE_IDENTITY_FILE"] = str(stranger)
        os.chmod(stranger.parent.parent, 0o755)
        assert "encrypted for other recipients" in empty.refused("bucket", "fetch", "newest")
        assert empty.backups.dumps() == []
        empty.changes["AGE_IDENTITY_FILE"] = str(identity)
        restore(empty)
        assert empty.backups.contents() == before
        assert (empty.uploads / "1_secret.txt").read_bytes() == b"only for the owner"


DECRYPT = """
import sys
from bucket.age import decrypted, identity_key
plain = decrypted(sys.stdin.buffer, identity_key(open(sys.argv[1]).read()))
sys.stdout.buffer.write(plain.read())
"""


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
def test_what_the_real_age_encrypts_is_decrypted(tmp_path: Path, size: int) -> None:
    recipient, identity = age_keys(tmp_path)
    plain = bytes(number % 251 for number in range(size))
    # For two recipients: the header has a stanza that this identity does not open.
    (tmp_path / "other").mkdir()
    other, _ = age_keys(tmp_path / "other")
    command = ["age", "-r", other, "-r", recipient]
    encrypted = subprocess.run(command, input=plain, check=True, capture_output=True).stdout

    def decrypt(contents: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(PACKAGES / "bin" / "python"), "-c", DECRYPT, str(identity)],
            input=contents,
            env={"PYTHONPATH": str(ROOT / "components" / "backup" / "files")},
            capture_output=True,
            check=False,
        )

    assert decrypt(encrypted).stdout == plain
    for damaged in (encrypted[:-1], encrypted[:-20] + bytes(20), encrypted.replace(b"X25519", b"X25518", 1)):
        assert b"AgeError" in decrypt(damaged).stderr


def test_refused_credentials_are_named_and_not_printed(server: S3Server) -> None:
    refusals = [
        (Key("AKIAUNKNOWN123456789", "unknown-secret-1"), "does not accept the credentials (InvalidAccessKeyId)"),
        (Key(server.writer.identifier, "wrong-secret-12"), "does not accept the credentials (SignatureDoesNotMatch)"),
        (server.reader, "AccessDenied for s3:PutObject"),
        (server.stranger, "AccessDenied for s3:ListBucket"),
    ]
    with stack(server, "credentials") as pod:
        pod.backups.done("run")
        for key, reason in refusals:
            pod.key = key
            assert reason in pod.refused("bucket")
        pod.key = server.writer
        pod.changes["BUCKET"] = "not-there"
        assert pod.refused("bucket").startswith("backup: There is no bucket not-there.")
        pod.changes |= {"BUCKET": "uploads", "BUCKET_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
        assert pod.refused("bucket").endswith("cannot be reached: EndpointConnectionError.")
