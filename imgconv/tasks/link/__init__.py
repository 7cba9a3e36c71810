"""Objects linked: over time into tracks, through the planes of a stack into volumes."""
