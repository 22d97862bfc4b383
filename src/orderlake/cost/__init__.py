"""What a deployment costs: an estimate per month, and what loads and queries did cost."""
