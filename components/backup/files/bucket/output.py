"""What the container prints, in the format of backup.sh."""


def say(message: str) -> None:
    """Print a line."""
    print(f"backup: {message}", flush=True)
