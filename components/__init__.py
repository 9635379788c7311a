"""The components of the stack, one package each, and the building blocks they share."""
