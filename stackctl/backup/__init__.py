"""Manual backups of a deployed stack: dump now, list the dumps, restore one."""
