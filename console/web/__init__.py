"""The reading room over HTTP: thin handlers over what the modules above compute."""
