"""The report on the changes of an import. It contains names and numbers, never a value of a setting."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SETTINGS = "config"
_SHOWN = 20


@dataclass(frozen=True)
class Plan:
    """The result of the program's ``plan``."""

    result: dict[str, Any]

    missing: tuple[str, ...] = ()
    """Names of uploads that the source's database names and its directory does not have, or has empty."""

    @property
    def is_empty(self) -> bool:
        """Whether the stack holds everything already."""
        return not any(each["new"] or each["changed"] or each["lost"] for each in self._parts())

    @property
    def overwritten(self) -> dict[str, int]:
        """Rows of the stack that would be overwritten, by table. Settings are listed separately."""
        counts = {each["table"]: each["changed"] + each["lost"] for each in self._parts() if each["table"] != SETTINGS}
        return {table: count for table, count in counts.items() if count}

    @property
    def files(self) -> list[str]:
        """Names of the uploads."""
        return list(self.result["files"])

    def _parts(self) -> list[dict[str, Any]]:
        documents = self.result["documents"]
        return [*self.result["tables"], *([{"table": "document_chunk", **documents}] if documents else [])]

    def lines(self) -> Iterator[str]:
        """The report."""
        for each in self._parts():
            if each["new"] or each["changed"] or each["lost"]:
                yield (
                    f"  {each['table']}: {each['source']} rows; {each['new']} new, {each['changed']} changed, "
                    f"{each['lost']} only in the stack"
                )
        if self.result["administrator_stays"]:
            yield "The stack's first administrator stays, beside the users of the source."
        yield from _listed(
            "Settings of the panel that the stack decides, and that stay as they are in the stack:",
            self.result["differing_settings"],
        )
        yield from _listed(
            "Settings whose URL leads to the source's own machine. Change them in the panel:",
            self.result["local_settings"],
        )
        yield from _listed(
            "Rows that are left out or lose their reference, because the row that they refer to does not exist:",
            [f"{column}: {count}" for column, count in sorted(self.result["orphans"].items())],
        )
        yield from _listed("Tables and columns that the stack does not have:", self.result["not_imported"])
        yield from _listed("Files that the source does not have, or has empty:", self.missing)


def _listed(heading: str, names: list[str] | tuple[str, ...]) -> Iterator[str]:
    if names:
        yield heading
        yield from (f"  {name}" for name in names[:_SHOWN])
        if len(names) > _SHOWN:
            yield f"  and {len(names) - _SHOWN} more"
