"""The contract: what an exchange, a record, an ending, an identity and an error are.

Everything here is a value or a pure function over values. No module of this package does I/O,
reads a clock or draws a random number; what it needs of those comes in as an argument. Every
other package depends on this one and this one on none of them.
"""
