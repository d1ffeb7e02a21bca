"""What run.py is made of: the goals, the servers, the rounds and the report."""
