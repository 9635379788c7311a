"""The terminal: output, errors with their exit codes, commands in messages."""
