"""Monitoring of Redis: the exporter, alerts and a dashboard."""
