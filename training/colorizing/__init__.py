"""Training of the colorizing network: what `imgconv colorize` guesses chroma with."""
