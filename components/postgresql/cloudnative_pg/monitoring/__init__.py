"""Monitoring of a cluster of CloudNativePG: alerts and a dashboard on the metrics of its instance managers."""
