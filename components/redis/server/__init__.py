"""A server of Redis: its configuration, users, memory and pod."""
