"""PyYAML's loader and dumper in C where it has them: its wheels do, a build without libyaml does not."""

__all__ = ["SafeDumper", "SafeLoader"]

try:
    from yaml import CSafeDumper as SafeDumper
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeDumper, SafeLoader  # type: ignore[assignment]
