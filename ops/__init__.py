"""Commands of the project: render, and the generated part of its docs."""
