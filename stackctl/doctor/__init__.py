"""From symptoms in the cluster to the rows of docs/troubleshooting.md."""
