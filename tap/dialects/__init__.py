"""Dialects: the wire formats, each read into the neutral shape of a record.

A further dialect is one module that offers a `Dialect` and one line in the registry.
"""
