"""Keys of the connection Secrets that one component writes and another one reads."""

CACHE_URL = "cache-url"
"""Redis: the state of the application."""

WEBSOCKET_URL = "websocket-url"
"""Redis: the events of the websockets."""

CLIENT_URL = "client-url"
"""PostgreSQL: with the time limits of a client's connections."""
