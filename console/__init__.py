"""The reading side: queries over stored records, and the pages analysts use."""
