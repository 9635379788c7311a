-- What an external database holds, for a role that owns a part of it. A line for each:
--   exclude|"name"   a schema in which the role owns nothing, as a pattern of pg_dump
--   array|{...}      the same schemas, as one array
--   other|object     an object of another role in a schema in which this one owns something
-- If it owns no table at all, every table of the others is an `other`: Open WebUI's tables are not this role's.
WITH object AS (
  SELECT 'pg_class'::regclass AS class, oid, relnamespace AS namespace, relname AS name, relowner AS owner, relkind AS kind
  FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
  UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace, proname, proowner, NULL FROM pg_proc
  UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace, typname, typowner, NULL FROM pg_type WHERE typtype IN ('d', 'e', 'r')
), mine AS (SELECT oid FROM pg_roles WHERE rolname = current_user),
schema AS (
  SELECT oid, nspname, nspowner = (TABLE mine) AS owned FROM pg_namespace
  WHERE nspname NOT IN ('information_schema', 'open_webui_stack') AND nspname !~ '^pg_'
), listed AS (
  SELECT object.*, schema.nspname, object.owner = (TABLE mine) AS owned FROM object JOIN schema ON schema.oid = namespace
  WHERE NOT EXISTS (SELECT FROM pg_depend WHERE classid = object.class AND objid = object.oid AND deptype IN ('e', 'i'))
), theirs AS (
  SELECT nspname FROM schema WHERE NOT owned AND NOT EXISTS (SELECT FROM listed WHERE namespace = schema.oid AND listed.owned)
)
SELECT 'exclude|"' || replace(nspname, '"', '""') || '"' FROM theirs
UNION ALL SELECT 'array|' || coalesce(array_agg(nspname), '{}')::text FROM theirs
UNION ALL SELECT format('other|%I.%I of %I', nspname, name, pg_get_userbyid(owner)) FROM listed
WHERE NOT owned AND (
    nspname NOT IN (TABLE theirs)
    OR kind IN ('r', 'p') AND NOT EXISTS (SELECT FROM listed AS own WHERE own.owned AND own.kind IN ('r', 'p')))
ORDER BY 1;
