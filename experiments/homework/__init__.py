"""The homework: its parts as configurations, tests of its claims, and what is handed in."""
