"""What the words mean: pipelines, columns, sources, files and reports, without any engine."""
