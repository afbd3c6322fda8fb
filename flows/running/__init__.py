"""How jobs run: as plain functions, as Prefect tasks, and what they leave in the Prefect UI."""
