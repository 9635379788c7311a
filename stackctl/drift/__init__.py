"""What differs in the cluster from the last update."""
