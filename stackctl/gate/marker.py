"""The first line of the comment. A module of its own: the job that posts the comment has the standard library only."""

MARKER = "<!-- open-webui-stack-preview -->"
"""First line of the comment, invisible: `pull_request_comment` updates the comment that begins with it."""
