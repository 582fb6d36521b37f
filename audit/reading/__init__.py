"""Records for people: words for codes, and stored text that only shows and never acts."""
