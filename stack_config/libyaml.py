"""PyYAML's loader and dumper in C, or in Python if PyYAML was built without libyaml."""

__all__ = ["SafeDumper", "SafeLoader"]

try:
    from yaml import CSafeDumper as SafeDumper
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeDumper, SafeLoader  # type: ignore[assignment]
