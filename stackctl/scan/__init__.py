"""Third-party scanners on the rendered objects and on the workflows: `stackctl scan`."""
