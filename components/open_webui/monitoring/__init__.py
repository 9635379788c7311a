"""Monitoring of the web pods: alerts and a dashboard."""
