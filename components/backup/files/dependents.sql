-- Prints the views and tables of other roles that depend on tables of this one. PostgreSQL refuses to drop these before
-- those; what else may depend on them ends the restore itself.
SELECT DISTINCT format('%s of %I', other.oid::regclass, pg_get_userbyid(other.relowner))
FROM (
    SELECT ev_class AS dependent, refobjid AS used FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid
    WHERE classid = 'pg_rewrite'::regclass AND refclassid = 'pg_class'::regclass
    UNION ALL SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'
) AS dependency
JOIN pg_class AS other ON other.oid = dependent JOIN pg_class AS own ON own.oid = used
WHERE pg_get_userbyid(own.relowner) = current_user AND pg_get_userbyid(other.relowner) <> current_user
ORDER BY 1;
