"""The policies that ship with the project, as TOML."""
