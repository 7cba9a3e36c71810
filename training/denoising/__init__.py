"""Training of the networks of `imgconv denoise`: photo, micro and crosshair."""
