"""The homework's parts as configurations, and the command line that runs them."""
