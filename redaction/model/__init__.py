"""The model that ships: weights made by `make model`, and what they are called."""
