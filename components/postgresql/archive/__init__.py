"""The archive of the write-ahead log in a bucket, for recovery to a point in time."""
