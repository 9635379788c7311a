"""Keys of the connection Secrets that one component writes and another one reads."""

CACHE_URL = "cache-url"
"""Redis: the state of the application."""

WEBSOCKET_URL = "websocket-url"
"""Redis: the events of the websockets."""

CLIENT_URL = "client-url"
"""PostgreSQL: URL of the role that serves, with the time limits of a client's connections."""

DIRECT_URL = "direct-url"
"""PostgreSQL: URL of the role that serves, bypassing a pooler. Only where there is one."""

OWNER_URL = "owner-url"
"""PostgreSQL: URL of the role that owns the tables, if it is another role."""
