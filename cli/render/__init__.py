"""Records on a terminal. Stored text is foreign text: none of it reaches a terminal as it is."""
