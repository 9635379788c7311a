"""How the comment is found again. On its own, since who posts it has the standard library alone."""

MARKER = "<!-- open-webui-stack-preview -->"
"""First line of the comment, invisible: whoever posts it looks for it, and updates that comment."""
