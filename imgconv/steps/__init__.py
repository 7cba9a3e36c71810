"""What a command does to one item: frozen, picklable, mutating nothing."""
