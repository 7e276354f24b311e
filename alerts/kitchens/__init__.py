"""What is kept of kitchens beside their alerts: figures, the nightly examination, limits by standard."""
