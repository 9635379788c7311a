"""An upgrade of the database to another major version: its description, and the steps around `pulumi up`."""
