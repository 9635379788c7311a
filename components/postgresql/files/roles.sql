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

-- A dump reads everything. The results of backups are the only thing that this role writes; they are in a schema of its
-- own, which belonged to the owner in earlier versions.
GRANT pg_read_all_data TO :"backup";
CREATE SCHEMA IF NOT EXISTS open_webui_stack;
ALTER SCHEMA open_webui_stack OWNER TO :"backup";
-- The exporter looks for the record, also before the first backup.
GRANT USAGE ON SCHEMA open_webui_stack TO PUBLIC;
SELECT format('ALTER TABLE open_webui_stack.backup OWNER TO %I', :'backup')
WHERE to_regclass('open_webui_stack.backup') IS NOT NULL \gexec
-- An earlier version of the stack, if it is deployed again, records its backups as the owner.
GRANT USAGE, CREATE ON SCHEMA open_webui_stack TO :"owner";
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA open_webui_stack TO :"owner";
ALTER DEFAULT PRIVILEGES FOR ROLE :"backup" IN SCHEMA open_webui_stack GRANT SELECT, INSERT, UPDATE ON TABLES TO :"owner";
