"""The parts of the stack: all of it, or one beside other parts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Part:
    """The whole stack or one part of it."""

    redis: bool = True
    """Whether there is Redis, deployed or external."""

    postgresql: bool = True
    """Whether there is PostgreSQL, deployed or external."""

    web: bool = True
    """Whether there are the web pods."""

    prefix: str = ""
    """Beginning of the names of objects that several parts have in one namespace. Empty: the whole stack."""

    @property
    def is_alone(self) -> bool:
        """Whether it is not the whole stack. The URLs of its servers are then also for other namespaces."""
        return bool(self.prefix)

    def named(self, name: str) -> str:
        """The name of an object that several parts have."""
        return f"{self.prefix}-{name}" if self.prefix else name


WHOLE = Part()
