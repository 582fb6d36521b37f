"""The `auditstream` command: the only place where objects are put together."""
