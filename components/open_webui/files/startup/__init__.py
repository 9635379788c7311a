"""Programs that run in a web pod before Open WebUI serves, and in the preflight Job.

A ConfigMap has these files; containers with Open WebUI's image run them as ``python -m startup.NAME``. They import the
standard library, each other and what the image has (psycopg, redis, boto3), and nothing else of this repository.
"""
