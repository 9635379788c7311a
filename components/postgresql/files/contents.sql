-- Prints a line for each table of the database: the number of rows, a checksum of their contents that does not depend on
-- the order, the name. Variable `excluded`: an array of schemas that are left out.
\if :{?excluded}
\else
\set excluded '{}'
\endif
SELECT format(
    'SELECT count(*), coalesce(sum(hashtextextended((whole.*)::text, 0)::numeric), 0), %L FROM %I.%I AS whole',
    format('%I.%I', nspname, relname), nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND nspname NOT IN ('information_schema', 'open_webui_stack') AND nspname !~ '^pg_'
    AND NOT nspname = ANY (:'excluded'::text[])
    AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY format('%I.%I', nspname, relname) COLLATE "C" \gexec
