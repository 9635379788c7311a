-- What each role may do in the database. roles.sh runs it as the superuser, with the names as variables.
-- docs/decisions/0042-database-roles.md says why.
GRANT CONNECT ON DATABASE :"database" TO :"clients", :"backup";

-- The application serves with rows alone, its own objects aside: a plugin may create a table.
GRANT USAGE, CREATE ON SCHEMA public TO :"clients";
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO :"clients";
GRANT SELECT, USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO :"clients";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO :"clients";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, USAGE, UPDATE ON SEQUENCES TO :"clients";
-- Open WebUI creates the indexes of this table at each start, which PostgreSQL lets its owner do.
SELECT format('ALTER TABLE public.document_chunk OWNER TO %I', :'clients')
FROM pg_class
WHERE oid = to_regclass('public.document_chunk') AND relowner <> to_regrole(quote_ident(:'clients')) \gexec
-- The owner migrates and restores: with the rights on what the application owns, and with sight of its sessions.
GRANT :"clients", pg_read_all_stats TO :"owner";

-- A dump reads everything. The result of a backup is recorded in a schema of its own.
GRANT pg_read_all_data TO :"backup";
