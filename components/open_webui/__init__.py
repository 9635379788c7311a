"""Open WebUI: interchangeable web pods in front of Redis and PostgreSQL."""
