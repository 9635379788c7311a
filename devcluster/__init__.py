"""A development cluster on this machine: control planes, a real node, the toolchain that builds them."""
