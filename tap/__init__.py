"""The sidecar: witnesses traffic, never slows it."""
