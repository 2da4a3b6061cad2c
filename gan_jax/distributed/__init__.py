"""Several devices and several processes: how they meet, what they share, how they end together."""
