"""Keys of the connection Secrets that one component writes and another one reads."""

CACHE_URL = "cache-url"
"""Redis: the state of the application."""

WEBSOCKET_URL = "websocket-url"
"""Redis: the events of the websockets."""

CLIENT_URL = "client-url"
"""PostgreSQL: of the role that serves, with the time limits of a client's connections."""

DIRECT_URL = "direct-url"
"""PostgreSQL: of the role that serves, past a pooler, where it is also the one that owns the tables."""

OWNER_URL = "owner-url"
"""PostgreSQL: the same of the role that owns the tables, where it is another one."""
