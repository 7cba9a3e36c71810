"""What networks are for: pictures in, labels, measurements and pictures out. Pure functions."""
