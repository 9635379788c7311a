"""What differs by topology."""
