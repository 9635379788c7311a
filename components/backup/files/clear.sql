-- Drops everything in the database, also objects that are not in a dump, such as tables of a newer version, which would
-- break its migrations. `DROP OWNED` leaves objects of other roles: those of the application become the owner's first.
-- Before a replica serves, `migrate` gives the role of the application its rights back.
DO $$
DECLARE
  other name;
BEGIN
  FOR other IN
    SELECT DISTINCT rolname
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace JOIN pg_roles ON pg_roles.oid = relowner
    WHERE nspname = 'public' AND rolname <> current_user AND NOT rolsuper
      AND pg_has_role(current_user, pg_roles.oid, 'MEMBER')
  LOOP
    EXECUTE format('REASSIGN OWNED BY %I TO CURRENT_USER', other);
  END LOOP;
END $$;
DROP OWNED BY CURRENT_USER CASCADE;
