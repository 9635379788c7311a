-- Prints a line for each object that a restore could not replace, because the role that restores does not own it: the
-- owner of the database has what belongs to it and to the roles that it is a member of (clear.sql). Members of
-- extensions are not dumped.
WITH owner AS (SELECT datdba AS role FROM pg_database WHERE datname = current_database()),
object AS (
  SELECT 'pg_class'::regclass AS class, oid, relnamespace AS namespace, relname AS name, relowner AS owner FROM pg_class
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
  UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace, proname, proowner FROM pg_proc
  UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace, typname, typowner FROM pg_type WHERE typtype IN ('d', 'e', 'r')
)
SELECT format('%I.%I of %I', nspname, name, pg_get_userbyid(object.owner))
FROM object JOIN pg_namespace ON pg_namespace.oid = namespace, owner
WHERE nspname NOT IN ('information_schema', 'open_webui_stack') AND nspname !~ '^pg_'
    AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = object.class AND objid = object.oid AND deptype IN ('e', 'i'))
    AND NOT pg_has_role(owner.role, object.owner, 'MEMBER')
ORDER BY 1;
