"""PostgreSQL with pgvector: users, chats, settings and vectors of Open WebUI."""
