"""The program that a pod of the stack runs during an import. The pod gets these files, and has the startup scripts."""
