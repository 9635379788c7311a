"""`pulumi preview --json` as a comment for a reviewer, and as a gate: model -> changes -> report -> Markdown."""
