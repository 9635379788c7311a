"""Names of the objects that hold for everything in the namespace. The namespace's own name is a config key."""

DEFAULT_DENY = "default-deny"
"""NetworkPolicy of every pod that no other policy selects."""

QUOTA = "quota"
DEFAULT_LIMITS = "default-limits"
