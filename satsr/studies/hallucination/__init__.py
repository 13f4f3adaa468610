"""What an output shows that is not there: buildings that nobody built, and what opensr-test calls hallucination."""
