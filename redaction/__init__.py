"""Text in, text without people out."""
