"""The namespace of the stack and the rules that hold for everything in it."""
