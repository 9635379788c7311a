"""Tests without engine, cluster or servers."""

import gc

# Before anything is imported: the SDKs make half a million objects that live to the end, and a run of the program some
# ten thousand more. Looking for cycles after every 700 takes a fifth of the time.
gc.set_threshold(100_000, 50, 50)
