"""The tests: each is a sentence about the program."""
