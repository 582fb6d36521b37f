"""The queue between tap and workers: at-least-once delivery with leases and dead letters."""
