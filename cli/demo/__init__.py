"""The demo: a model to talk to, conversations worth redacting, and a client that has them."""
