"""What an image costs: operations, seconds, sampling steps."""
