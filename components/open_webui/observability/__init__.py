"""Observability of the web pods: logs, the audit log, and OpenTelemetry."""
