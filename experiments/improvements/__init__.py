"""The study of changes to part_a: which variants there are, what each costs, and the leaderboard."""
