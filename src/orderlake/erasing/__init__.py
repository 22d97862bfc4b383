"""Personal data in the text of records: found by its path, and taken out without a byte being moved."""
