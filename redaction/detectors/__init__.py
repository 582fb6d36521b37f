"""The detectors: each says where something stands, none touches the text."""
