"""Names, places and words, as TOML."""
