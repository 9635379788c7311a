"""The machine that the commands run on: directories, processes, locks, signals."""
