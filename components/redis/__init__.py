"""Redis: sessions, websocket events and locks of all Open WebUI replicas."""
