"""How the monitor is run: the command, the scheduled deployments, the demo site."""
