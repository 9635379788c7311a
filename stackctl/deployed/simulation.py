"""How the reports say that the pods of a stack are simulated."""

from rich.console import Console
from rich.text import Text

from .stack import SIMULATED


def print_simulated(console: Console, consequence: str = "") -> None:
    """Print the line.

    Args:
        console: to print on.
        consequence: what the report lacks for it.
    """
    ending = f": {consequence}" if consequence else ""
    console.print(Text(f"{SIMULATED[0].upper()}{SIMULATED[1:]}{ending}.", style="yellow"))
