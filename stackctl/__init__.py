"""The operator's command line: a package for each command, over `deployed`, `engine` and `render`."""
