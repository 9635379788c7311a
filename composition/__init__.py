"""How the components of the stack are connected, for the program and for the component package."""
