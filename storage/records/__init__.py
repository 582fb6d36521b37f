"""The record store and the ledger: what analysts read and what auditors verify."""
