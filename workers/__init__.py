"""Carry deliveries: queue, redaction, storage."""
