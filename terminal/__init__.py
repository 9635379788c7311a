"""What the commands print, and the errors that people read."""
