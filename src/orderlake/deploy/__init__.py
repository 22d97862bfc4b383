"""What puts orderlake on AWS: the package of its Lambda functions."""
