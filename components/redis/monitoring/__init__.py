"""What watches Redis: the exporter, alerts and a dashboard."""
