"""Recovery of the database to a point in time, from the archive of its log."""
