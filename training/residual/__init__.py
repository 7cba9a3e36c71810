"""Why residual networks train: plain and residual networks of equal depth, side by side."""
