"""Several devices and several processes: how they rendezvous, what they share, how they end together."""
