"""The file of a first stack, from the answers of the operator."""
