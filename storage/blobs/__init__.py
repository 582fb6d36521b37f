"""Large bodies beside queue and store."""
