"""Rules, their violations, and the context that they are checked in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .objects import Object, field, name_of

EVERY_KIND = ("*",)
"""`kinds` of a rule that looks at every object."""


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
class Definition:
    """What a policy is, without the code that checks it."""

    name: str
    description: str
    """The requirement and its reason, in a sentence."""

    remedy: str
    """How to fix a violation."""

    kinds: tuple[str, ...] = EVERY_KIND
    """Kinds of the objects that the rule looks at. It never gets an object of another kind."""

    level: Level = Level.MANDATORY

    of_production: bool = False
    """Whether it applies in production alone. The configuration of the pack names the stacks that are production."""

    def looks_at(self, item: Object) -> bool:
        """Whether the rule looks at an object."""
        return self.kinds == EVERY_KIND or field(item, "kind") in self.kinds


@dataclass(frozen=True, kw_only=True)
class ObjectRule(Definition):
    """A rule that looks at one object at a time."""

    check: Callable[[Object, Context], Iterable[str]]
    """Messages about the violations of an object; empty for an object that the rule does not apply to."""

    def violations(self, objects: Sequence[Object], context: Context) -> Iterator[Violation]:
        """The violations of the objects."""
        for item in filter(self.looks_at, objects):
            yield from (Violation(item=item, message=message) for message in self.check(item, context))


@dataclass(frozen=True, kw_only=True)
class StackRule(Definition):
    """A rule that looks at all objects together."""

    check: Callable[[Sequence[Object], Context], Iterable[Violation]]
    """The violations."""

    def violations(self, objects: Sequence[Object], context: Context) -> Iterator[Violation]:
        """The violations of the objects."""
        yield from self.check([*filter(self.looks_at, objects)], context)


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
