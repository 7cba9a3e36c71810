"""From an image to labels: prepare it, run the network, read its maps, write what was found."""
