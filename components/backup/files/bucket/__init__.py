"""Copies the dumps of the database and the uploaded files to a bucket of S3, and fetches them from there.

Runs in the image of Open WebUI, which has the client of S3 and the primitives of age: docs/decisions/0040.
"""
