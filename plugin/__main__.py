"""The component package as a program: `python plugin <engine address>`, as the engine starts it."""

import sys
from pathlib import Path

# The language host runs this directory; the packages of the repository are beside it.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from plugin.provider import main  # noqa: E402

if __name__ == "__main__":
    main(sys.argv[1:])
