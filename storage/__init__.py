"""What is still there after the power was off: spool, queue, blobs, records and ledger."""
