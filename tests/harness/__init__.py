"""What several tests need to watch a running AuditStream from outside."""
