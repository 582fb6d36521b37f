"""Who looked at what: the access log and what readers keep for themselves."""
