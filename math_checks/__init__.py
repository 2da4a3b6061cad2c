"""Ridge regression and the change of variables: derived, computed, checked and seen."""
