"""Label images: measured, outlined, matched, drawn. 0 is background, 1 to n are the objects."""
