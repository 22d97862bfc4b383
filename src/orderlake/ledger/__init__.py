"""What was loaded, and what somebody is loading now."""
