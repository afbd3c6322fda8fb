"""Data only: what the monitor starts from. Read with `models.seeds`."""
