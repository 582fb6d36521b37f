"""What the tests speak to in place of Azure's services: real sockets, the services' own protocols.

Each module gives an asynchronous context manager that starts one emulator on a free loopback port
and yields what a client needs to reach it.
"""
