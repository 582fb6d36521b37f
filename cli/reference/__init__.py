"""The reference of settings, commands, codes and telemetry, made from the code."""
