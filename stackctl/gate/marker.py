"""The first line of the comment. A separate module, because the job that posts the comment has only the standard
library."""

MARKER = "<!-- open-webui-stack-preview -->"
"""First line of the comment, invisible: `pull_request_comment` updates the comment that begins with it."""
