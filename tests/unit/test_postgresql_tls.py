"""TLS of the stack's own PostgreSQL in the manifests, and the containers of an upgrade."""

import pytest

from tests.support.unit.recording import Recording, run


@pytest.fixture(scope="module")
def encrypted() -> Recording:
    return run("dev", ["postgresql.tls.issuer.name=internal", "backup.enabled=true"])


def test_over_the_network_there_is_only_tls(encrypted: Recording, dev: Recording) -> None:
    conf = encrypted.one("ConfigMap", "postgres-conf").inputs["data"]
    network = [line for line in conf["pg_hba.conf"].splitlines() if line.startswith("host")]
    assert network
    assert all(line.startswith("hostssl ") for line in network)
    assert {"ssl = on", "ssl_min_protocol_version = 'TLSv1.2'"} <= set(conf["postgresql.conf"].splitlines())
    without = dev.one("ConfigMap", "postgres-conf").inputs["data"]
    assert "ssl" not in without["pg_hba.conf"] + without["postgresql.conf"]
    assert "load-certificate.sh" not in without


def test_clients_verify_the_server(encrypted: Recording, dev: Recording) -> None:
    secret = encrypted.one("Secret", "postgresql-secret")
    for key in ("database-url", "client-url"):
        assert "?sslmode=verify-full&sslrootcert=/etc/postgresql-ca/ca.crt" in secret.plain("stringData", key)
        assert "ssl" not in dev.one("Secret", "postgresql-secret").plain("stringData", key)
    for container in ("open-webui/open-webui", "open-webui/migrate", "open-webui-preflight/preflight"):
        mounts = {mount["name"]: mount["mountPath"] for mount in encrypted.containers[container]["volumeMounts"]}
        assert mounts["postgresql-ca"] == "/etc/postgresql-ca"
    backup = {v["name"]: v["value"] for v in encrypted.containers["postgres-backup/backup"]["env"]}
    assert (backup["PGSSLMODE"], backup["PGSSLROOTCERT"]) == ("verify-full", "/etc/postgresql-ca/ca.crt")


def test_the_private_key_is_in_the_pod_of_postgresql_alone(encrypted: Recording) -> None:
    keys = {
        pod: sorted(item["key"] for item in volume["secret"]["items"])
        for pod, spec in encrypted.every_pod.items()
        for volume in spec["volumes"]
        if volume.get("secret", {}).get("secretName") == "postgresql-tls"
    }
    assert keys == {
        "postgres": ["ca.crt", "tls.crt", "tls.key"],
        "open-webui": ["ca.crt"],
        "open-webui-preflight": ["ca.crt"],
        "postgres-backup": ["ca.crt"],
    }
    [mount] = [m for m in encrypted.pods["postgres"]["volumes"] if m["name"] == "tls"]
    # PostgreSQL refuses a key that is open to more than its owner, root, and a group that reads.
    assert mount["secret"]["defaultMode"] == 0o440


def test_the_certificate_is_for_every_name_of_the_service(encrypted: Recording) -> None:
    certificate = encrypted.one("Certificate", "postgresql-certificate")
    spec = certificate.inputs["spec"]
    assert {"postgres", "postgres.rag-system", "postgres.rag-system.svc", "localhost"} <= set(spec["dnsNames"])
    assert (spec["secretName"], spec["usages"]) == ("postgresql-tls", ["server auth"])
    assert certificate.urn in encrypted.waits_for(encrypted.one("StatefulSet", "postgres"))


def test_an_upgrade_dumps_with_the_old_image_before_the_new_one_prepares(dev: Recording) -> None:
    sets = ["postgresql.image=pgvector/pgvector:pg18", "postgresql.upgrade.fromImage=pgvector/pgvector:pg17"]
    upgrading = run("dev", sets)
    dump, prepare = (upgrading.containers[f"postgres/{name}"] for name in ("dump", "prepare"))
    assert dump["command"] == [*prepare["command"], "dump"]
    assert (dump["env"], dump["volumeMounts"], dump["resources"]) == (
        prepare["env"],
        prepare["volumeMounts"],
        prepare["resources"],
    )
    # A parallel build of an index takes it.
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in dump["volumeMounts"]
    assert [container["name"] for container in dev.pods["postgres"]["initContainers"]] == ["prepare", "load-roles"]
    assert all(mount["name"] != "shared-memory" for mount in dev.containers["postgres/prepare"]["volumeMounts"])
