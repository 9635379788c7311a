"""Monitoring of PgBouncer: the exporter, alerts and a dashboard."""
