"""The saved queries that ship, as SQL, a folder per pipeline."""
