"""The spool: what the tap has seen, on disk before anything else happens to it."""
