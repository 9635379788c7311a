"""An upgrade of the database to another major version: what it would do, and the steps around `pulumi up`."""
