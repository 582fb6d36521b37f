"""Texts with slots, one a line; `¶` is a line break."""
