"""PostgreSQL as a cluster of the operator CloudNativePG."""
