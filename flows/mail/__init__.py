"""The edition as it is written and delivered."""
