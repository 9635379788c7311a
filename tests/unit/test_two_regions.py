"""The example of two regions: equal where the regions share, separate where they must not."""

from components.open_webui.encryption_keys import ENCRYPTION_VARIABLES
from policy.rules import RULES
from policy.rules.rule import Context, findings
from stackctl.render.manifests import planned_objects
from tests.support.examples import Example

REGIONS = [Example(name="two-regions-east"), Example(name="two-regions-west")]
EAST, WEST = (region.settings for region in REGIONS)


def test_both_keep_to_the_policies_of_production() -> None:
    for region in REGIONS:
        objects = planned_objects(region.config({"kubeContext": "any"}), region.name)
        assert findings(RULES, objects, Context(production=True)) == []


def test_what_open_webui_stores_in_the_database_is_equal() -> None:
    assert EAST.open_webui == WEST.open_webui
    assert EAST.open_webui.host
    assert EAST.open_webui.auth.oidc.provider_url


def test_the_database_and_the_bucket_are_shared() -> None:
    assert EAST.postgresql == WEST.postgresql
    assert EAST.postgresql.is_external
    assert EAST.open_webui.uploads.kind == "s3"
    assert EAST.existing_secrets == WEST.existing_secrets
    assert "databaseUrl" in EAST.existing_secrets


def test_the_keys_of_encrypted_data_are_shared_and_the_signing_key_is_not() -> None:
    assert EAST.existing_secrets.keys() >= {*ENCRYPTION_VARIABLES, "WEBUI_ADMIN_PASSWORD"}
    assert "WEBUI_SECRET_KEY" not in EAST.existing_secrets


def test_each_region_has_its_own_redis_and_no_volume_of_uploads() -> None:
    for settings, region in ((EAST, REGIONS[0]), (WEST, REGIONS[1])):
        assert not settings.redis.is_external
        assert not {"redisCacheUrl", "redisWebsocketUrl"} & settings.existing_secrets.keys()
        objects = planned_objects(region.config({"kubeContext": "any"}), region.name)
        claims = {each["metadata"]["name"] for each in objects if each["kind"] == "PersistentVolumeClaim"}
        assert claims == ({"postgres-backups"} if settings.backup.enabled else set())


def test_one_region_makes_backups() -> None:
    assert [EAST.backup.enabled, WEST.backup.enabled] == [True, False]


def test_the_share_of_each_region_holds_its_pools() -> None:
    for settings in (EAST, WEST):
        needed = settings.postgresql.connections_needed(settings.open_webui.database_connections)
        assert needed <= settings.postgresql.max_connections


def test_the_page_lists_every_shared_key() -> None:
    page = REGIONS[0].page
    for reference in EAST.existing_secrets.values():
        assert reference.name == "open-webui-shared"
        assert f"`{reference.key}`" in page
