"""The networks that imgconv trains, exports and runs, one to a file."""
