"""Monitoring of PostgreSQL: the exporter, alerts and a dashboard."""
