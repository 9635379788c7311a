"""What every component is built from: names, labels, pods, policies, settings."""
