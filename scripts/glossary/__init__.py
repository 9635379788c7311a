"""Checks the words of this project in prose, comments, docstrings, messages and names: `python -m scripts.glossary`."""
