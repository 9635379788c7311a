"""Records settings with which data was stored. The preview refuses a change that makes the data unreadable.

Some settings cannot be changed once there is data: the engine whose files are on a volume, the major version of a
database, the dimensions of stored vectors, a key that stored values are encrypted with. Whether such a change is
allowed depends on the value of the last update, which the program does not have. `remember` keeps it in the state and
compares.

How it works: the facts are the input of a `pulumi.Stash`, a resource of the engine itself that manages no object.
Changed facts are an update of the stash, and a hook of the engine runs before that update, in a preview too
(``on_dry_run``). The hook has the old input and the new one. When it raises, the update of the stash fails, and so
does the preview.

- A stack without a stash creates it: its first update records the facts.
- An allowed change is an update of the stash: its new value is the one that the next change is compared with.
- ``pulumi up --replace <urn>`` replaces the stash. A replacement is not an update, so the hook does not run. Use this
  for data that was deleted or never written; every refusal prints the command.
- Resources that use the facts depend on the stash (``depends_on``), so a refused ``up --skip-preview`` does not change
  them either.
- Under the mocks of unit tests hooks do not run. Test the judge as a function, and one change on the real engine
  (tests/engine/test_stack_remembered.py).
"""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from .finding import Finding

Facts = Mapping[str, str]
"""The remembered facts, in plain text: previews show them, and the state stores them unencrypted."""

Judge = Callable[[Facts, Facts], Finding | None]
"""Compares the facts of the last update with the present facts. Returns the reason to refuse the change, or None."""


class RefusedChangeError(Exception):
    """A change of the config is incompatible with the stored data. The message is the whole report."""


def remember(name: str, facts: Facts, judge: Judge, opts: ResourceOptions) -> pulumi.Stash:
    """Keep the facts in the state, and refuse a change of them that the judge refuses.

    Args:
        name: logical name of the stash, unique in the program: ``redis-data``. Never rename it: a new name records
            again, without a comparison.
        facts: the present facts, without secrets. For a secret, record a fingerprint that cannot be guessed.
        judge: called only when the facts differ from those of the last update.
        opts: options of the stash: its parent.

    Returns:
        The stash. Resources that use the facts have to depend on it.
    """

    hook = ResourceHook(f"compare-{name}", lambda args: compare(args, judge), ResourceHookOptions(on_dry_run=True))
    hooks = ResourceOptions(hooks=ResourceHookBinding(before_update=[hook]))
    return pulumi.Stash(name, input=dict(facts), opts=ResourceOptions.merge(opts, hooks))


def compare(args: ResourceHookArgs, judge: Judge) -> None:
    """What the hook does before a stash is updated.

    Raises:
        RefusedChangeError: the judge refuses the new facts.
    """
    if finding := judge(_facts(args.old_inputs), _facts(args.new_inputs)):
        raise RefusedChangeError(_report(finding, args.urn))


def _facts(inputs: Mapping[str, Any] | None) -> Facts:
    return dict((inputs or {}).get("input") or {})


def _report(finding: Finding, urn: str) -> str:
    return (
        f"the stored data cannot follow this change, and was not touched.\n\n{finding}\n\n"
        "If that data is gone, was never written, or was made with the new value, record that with: "
        f"pulumi up --replace '{urn}'"
    )
