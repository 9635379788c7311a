"""Objects of the cluster that differ from the last update."""
