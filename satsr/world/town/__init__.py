"""What people build: streets, houses, commerce, harbours, traffic."""
