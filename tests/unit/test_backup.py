"""Backups: what the schedule runs, with which rights, and what of the config is refused."""

import pytest
from pydantic import BaseModel, ValidationError

from components.backup.schedule import CronSchedule, TimeZone, cron_error, longest_pause
from components.blocks.quantities import quantity
from tests.support.unit.recording import Recording, run

ON = "backup.enabled=true"


@pytest.fixture(scope="module")
def backed_up() -> Recording:
    """The stack of dev with backups."""
    return run("dev", [ON])


def test_prod_is_backed_up_and_dev_is_not(dev: Recording, prod: Recording) -> None:
    assert {r.kind for r in prod.resources if "postgres-backup" in r.name} == {
        "ConfigMap",
        "CronJob",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "ServiceAccount",
    }
    assert [r.name for r in dev.resources if "postgres-backup" in r.name] == []


def test_one_backup_at_a_time_that_ends_some_day(backed_up: Recording) -> None:
    spec = backed_up.one("CronJob").inputs["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 2 * * *", "Etc/UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 3600
    job = spec["jobTemplate"]["spec"]
    assert 0 < job["activeDeadlineSeconds"] < 24 * 3600
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_it_runs_the_databases_programs_as_a_role_that_only_reads(backed_up: Recording) -> None:
    container = backed_up.containers["postgres-backup/backup"]
    assert container["image"] == backed_up.containers["postgres/postgres"]["image"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    prepare = {v["name"]: v["value"] for v in backed_up.containers["postgres/prepare"]["env"]}
    assert (variables["PGUSER"], variables["PGDATABASE"]) == (prepare["BACKUP_USER"], prepare["POSTGRES_DB"])
    assert variables["PGUSER"] != prepare["POSTGRES_USER"]
    assert variables["PGHOST"] == backed_up.one("Service", "postgres").inputs["metadata"]["name"]


def test_its_own_password_is_a_file_and_nothing_else_of_the_secret(backed_up: Recording) -> None:
    [volume] = [v for v in backed_up.every_pod["postgres-backup"]["volumes"] if "secret" in v]
    assert volume["secret"]["items"] == [{"key": "backup-password", "path": "backup-password"}]
    container = backed_up.containers["postgres-backup/backup"]
    assert all("valueFrom" not in variable for variable in container["env"])
    assert "generated/" not in str(container)


def test_a_cluster_of_the_operator_has_one_role_which_dumps_as_well() -> None:
    sizes = "postgresql.resources.limits.memory=2160Mi"
    recording = run("dev", [ON, "postgresql.topology=cloudnative-pg", sizes])
    [volume] = [v for v in recording.every_pod["postgres-backup"]["volumes"] if v["name"] == "password"]
    assert volume["secret"]["items"] == [{"key": "password", "path": "password"}]
    variables = {v["name"]: v["value"] for v in recording.containers["postgres-backup/backup"]["env"]}
    assert variables["PGUSER"] == "ragsystemuser"


def test_dumps_are_proved_on_a_server_that_the_same_script_makes(backed_up: Recording) -> None:
    scripts = backed_up.one("ConfigMap", "postgres-backup").inputs["data"]
    assert scripts["prepare.sh"] == backed_up.one("ConfigMap", "postgres-conf").inputs["data"]["prepare.sh"]
    container = backed_up.containers["postgres-backup/backup"]
    [mount] = [m for m in container["volumeMounts"] if m["name"] == "scripts"]
    assert container["command"] == ["sh", f"{mount['mountPath']}/backup.sh"]
    assert container["args"] == ["run"]


def test_the_only_connection_is_the_one_to_the_database(backed_up: Recording) -> None:
    spec = backed_up.one("NetworkPolicy", "postgres-backup").inputs["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app": "postgres-backup"}}
    assert spec["ingress"] == []
    assert spec["egress"] == [
        {
            "to": [{"podSelector": {"matchLabels": {"app": "postgres"}}}],
            "ports": [{"protocol": "TCP", "port": 5432}],
        }
    ]
    [rule] = backed_up.one("NetworkPolicy", "postgres").inputs["spec"]["ingress"]
    assert {"podSelector": {"matchLabels": {"app": "postgres-backup"}}} in rule["from"]
    labels = backed_up.one("CronJob").inputs["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert labels["app"] == "postgres-backup"


def test_the_quota_has_room_for_it(dev: Recording, backed_up: Recording) -> None:
    before, after = (r.one("ResourceQuota").inputs["spec"]["hard"] for r in (dev, backed_up))
    resources = backed_up.containers["postgres-backup/backup"]["resources"]
    for side in ("requests", "limits"):
        for name, amount in resources[side].items():
            assert quantity(after[f"{side}.{name}"]) - quantity(before[f"{side}.{name}"]) == quantity(amount), name
    for name in ("pods", "persistentvolumeclaims"):
        assert int(after[name]) == int(before[name]) + 1


def test_the_update_does_not_wait_for_a_volume_that_the_first_backup_binds(backed_up: Recording) -> None:
    metadata = backed_up.one("PersistentVolumeClaim", "postgres-backups").inputs["metadata"]
    assert metadata["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_the_volume_follows_the_databases() -> None:
    recording = run("dev", [ON, "postgresql.storage.size=7Gi"])
    claim = recording.one("PersistentVolumeClaim", "postgres-backups").inputs["spec"]
    assert quantity(claim["resources"]["requests"]["storage"]) == 2 * quantity("7Gi")


def test_another_keep_rolls_no_pod(backed_up: Recording) -> None:
    after = run("dev", [ON, "backup.keep=3"])
    assert after.pods == backed_up.pods


class Times(BaseModel):
    schedule: CronSchedule = "@daily"
    zone: TimeZone = "Etc/UTC"


GOOD = [
    "0 3 * * *",
    "*/15 0-6,22-23 1,15 jan-MAR mon-fri",
    "5/10 ? ? ? 0",
    "0 0 31 12 6",
    "@hourly",
    "@midnight",
]


@pytest.mark.parametrize("schedule", GOOD)
def test_schedules_of_a_cron_job_are_taken(schedule: str) -> None:
    assert Times(schedule=schedule).schedule == schedule


PAUSES = {
    "30 2 * * *": 24,
    "@hourly": 1,
    "@weekly": 168,
    "0 */6 * * *": 6,
    # From Friday to Monday.
    "0 2 * * mon-fri": 72,
    "15 1,13 * * *": 12,
    # 31 days.
    "@monthly": 744,
    # From the 31st, or the 29th of February, to the 1st it is a day.
    "0 4 */2 * *": 48,
    # The first of the month, and every Sunday.
    "0 3 1 * 0": 168,
    "0 3 1 * *": 744,
    "5/15 * ? * *": 0.25,
    "0 0 29 2 *": 4 * 365.5 * 24,
}


@pytest.mark.parametrize("schedule", PAUSES)
def test_the_longest_pause_of_a_schedule_is_known(schedule: str) -> None:
    assert longest_pause(schedule) == PAUSES[schedule] * 3600


@pytest.mark.parametrize(("schedule", "hours"), [("30 2 * * *", 26), ("@hourly", 2), ("0 2 * * mon-fri", 74)])
def test_the_alert_on_the_age_of_the_newest_backup_follows_the_schedule(schedule: str, hours: int) -> None:
    recording = run("dev", [ON, f"backup.schedule={schedule}", "monitoring.enabled=true", "monitoring.operator=true"])
    [group] = recording.one("PrometheusRule", "postgres-alerts").inputs["spec"]["groups"]
    rules = {rule["alert"]: rule for rule in group["rules"]}
    assert rules["PostgreSQLBackupOld"]["expr"].endswith(f"> {hours * 3600}")
    assert rules["PostgreSQLBackupMissing"]["for"] == f"{hours * 3600}s"


def test_without_backups_there_is_no_alert_on_them() -> None:
    recording = run("dev", ["monitoring.enabled=true", "monitoring.operator=true"])
    [group] = recording.one("PrometheusRule", "postgres-alerts").inputs["spec"]["groups"]
    assert not [rule["alert"] for rule in group["rules"] if "Backup" in rule["alert"]]


BAD = [
    ("", "0 fields"),
    ("0 3 * *", "4 fields"),
    ("0 0 3 * * *", "6 fields"),
    ("60 * * * *", "minute: 60"),
    ("0 24 * * *", "hour: 24"),
    ("0 0 0 * *", "day of the month: 0"),
    ("0 0 * 13 *", "month: 13"),
    ("0 0 * mon *", "month: mon"),
    # Sunday is 0.
    ("0 0 * * 7", "day of the week: 7"),
    ("30-10 * * * *", "minute: 30-10"),
    ("*/0 * * * *", "minute: */0"),
    ("0,,5 * * * *", "minute: 0,,5"),
    ("-5 * * * *", "minute: -5"),
    ("² * * * *", "minute: ²"),
    ("@reboot", "1 fields"),
    ("TZ=Europe/Berlin 0 3 * * *", "6 fields"),
]


@pytest.mark.parametrize(("schedule", "mistake"), BAD)
def test_schedules_that_a_cron_job_would_refuse_are_refused(schedule: str, mistake: str) -> None:
    assert cron_error(schedule) == mistake
    with pytest.raises(ValidationError, match="not a schedule of cron"):
        Times(schedule=schedule)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+2"])
def test_time_zones_are_taken_by_name(zone: str) -> None:
    assert Times(zone=zone).zone == zone


@pytest.mark.parametrize("zone", ["", "Local", "Europe/Berln", "../etc/passwd", "+02:00", "Europe/"])
def test_other_time_zones_are_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="not a time zone"):
        Times(zone=zone)
