"""What happens: the Prefect flows, and the outside world that they touch (the web, mail)."""
