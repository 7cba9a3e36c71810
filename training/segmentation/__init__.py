"""Training of the segmentation networks: what `imgconv segment` finds nuclei and cells with."""
