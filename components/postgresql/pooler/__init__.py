"""PgBouncer between the web pods and PostgreSQL."""
