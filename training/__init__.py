"""How the model that ships is made: templates, values, corpora, one command."""
