"""Reports that a person opens: one HTML file, with all that it shows in it."""
