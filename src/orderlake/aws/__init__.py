"""The Lambda functions: ingest what is announced, scan for what was not, and the tasks of the backfill workflow."""
