"""Rules, their violations, and the context that they are checked in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .objects import Object, name_of


class Level(StrEnum):
    """Effect of a violation."""

    MANDATORY = "mandatory"
    """The update stops, and `make manifests CHECK=1` fails."""

    ADVISORY = "advisory"
    """The violation is only shown."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Input of a rule besides the objects."""

    production: bool = False
    """Whether the environment is one that must survive the loss of a pod."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One violation of a rule. It never contains a value that may be secret."""

    item: Object
    """The object that it is in."""

    message: str


@dataclass(frozen=True, kw_only=True)
class ObjectRule:
    """A rule that looks at one object at a time."""

    name: str
    description: str
    """The requirement and its reason, in a sentence."""

    remedy: str
    """How to fix a violation."""

    check: Callable[[Object, Context], Iterable[str]]
    """Messages about the violations of an object; empty for an object that the rule does not apply to."""

    level: Level = Level.MANDATORY

    def violations(self, objects: Sequence[Object], context: Context) -> Iterator[Violation]:
        """The violations of the objects."""
        for item in objects:
            yield from (Violation(item=item, message=message) for message in self.check(item, context))


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule that looks at all objects together."""

    name: str
    description: str
    """The requirement and its reason, in a sentence."""

    remedy: str
    """How to fix a violation."""

    check: Callable[[Sequence[Object], Context], Iterable[Violation]]
    """The violations."""

    level: Level = Level.MANDATORY

    def violations(self, objects: Sequence[Object], context: Context) -> Iterator[Violation]:
        """The violations of the objects."""
        yield from self.check(objects, context)


Rule = ObjectRule | StackRule


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A violation and its rule."""

    rule: Rule
    violation: Violation

    def __str__(self) -> str:
        where = name_of(self.violation.item)
        return f"{self.rule.level}: {where}: {self.violation.message} [{self.rule.name}]\n  {self.rule.remedy}"


def findings(rules: Iterable[Rule], objects: Sequence[Object], context: Context) -> list[Finding]:
    """All violations of the rules in the objects."""
    return [
        Finding(rule=rule, violation=violation) for rule in rules for violation in rule.violations(objects, context)
    ]
