"""Do intervals around outputs cover the ground as often as they say."""
