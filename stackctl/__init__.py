"""The stack on one machine: a Pulumi toolchain, a cluster, and the commands behind `make up`."""
