"""What `auditstream check` looks at, a module for each thing. Nothing here changes anything."""
