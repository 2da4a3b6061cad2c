"""Scripts that made what the project ships: the classifier's weights and README's picture."""
