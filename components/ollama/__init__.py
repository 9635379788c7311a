"""Ollama: a server that runs models in the cluster."""
